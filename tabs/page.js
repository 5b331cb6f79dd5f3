// What the widgets share. User text enters the page as text nodes only, never as markup.
window.studio = {
  kinds: [["wav", "WAV"], ["flac", "FLAC"], ["mp3", "MP3"], ["opus", "Opus"], ["midi", "MIDI"], ["stems", "Stems"],
    ["ardour", "Ardour"], ["dawproject", "DAWproject"], ["reaper", "Reaper"], ["loop", "Loop"], ["loop4", "Loop x 4"], ["gamepack", "Game pack"], ["lrc", "LRC"], ["srt", "SRT"], ["vtt", "VTT"], ["picture", "Picture"], ["recipe", "Recipe"]],
  shapes: { // of a master; what a kind of file cannot be is said by the studio
    kind: ["File", [["wav", "WAV"], ["flac", "FLAC"], ["mp3", "MP3"], ["opus", "Opus"]]],
    rate: ["Rate", [["", "48 kHz"], ["44100", "44.1 kHz"], ["96000", "96 kHz"]]],
    depth: ["Depth", [["", "24 bit"], ["16", "16 bit"], ["32f", "32 bit float"]]],
    quality: ["MP3", [["", "320 kbit/s"], ["v0", "V0"]]],
    target_lufs: ["Loudness", [["", "as it is"], ["streaming", "streaming, -14"], ["apple", "Apple, -16"], ["club", "club, -9"], ["broadcast", "broadcast, -23"]]],
    trim: ["Silence at the ends", [["", "stays"], ["true", "cut off"]]],
    ...Object.fromEntries([["fade_in", "Fade in"], ["fade_out", "Fade out"]].map(([name, label]) =>
      [name, [label, [["", "none"], ...["0.5", "1", "2", "5", "10", "20"].map((seconds) => [seconds, `${seconds} s`])]]])),
  },

  node(tag, props = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
      if (name in made && !name.includes("-")) made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  },

  clock(seconds) {
    const whole = Math.max(0, Math.round(seconds || 0));
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  },

  // What the licence ledger says: the answer, and behind it what made the take.
  sold([answer, made]) {
    return studio.node("details", { className: "sold" }, studio.node("summary", {}, answer), studio.node("p", {}, made));
  },

  // A link per file kind. The first byte is fetched first: the file is made then, and a refusal can be shown as words.
  files(id, title, has) {
    const said = studio.node("div", { className: "said", role: "status" });
    const take = async (href, name) => {
      const [address, query] = href.split("?"), lines = [...said.children];
      if (lines.some((one) => one.dataset.making === href)) return;
      for (const one of lines) if (!one.dataset.making) one.remove();
      const words = document.createTextNode(`Making ${name}`), line = studio.node("p", { "data-making": href }, words);
      const stop = new AbortController(), end = studio.node("button", { type: "button", className: "plainbutton" }, "Stop");
      end.setAttribute("aria-label", `Stop making ${name}`);
      end.onclick = () => stop.abort();
      said.append(line);
      const look = setInterval(async () => { // what takes long says how far it is
        const now = await fetch(`${address}/progress${query ? `?${query}` : ""}`).then((told) => told.json()).catch(() => null);
        if (!now?.stage || !line.dataset.making) return;
        words.data = `${name}: ${now.stage} ${Math.round(100 * now.fraction)} % `;
        if (!end.isConnected) line.append(end);
      }, 1000);
      const answer = await fetch(href, { headers: { Range: "bytes=0-0" }, signal: stop.signal }).catch(() => null);
      clearInterval(look);
      delete line.dataset.making;
      line.textContent = stop.signal.aborted ? `Stopped making ${name}; nothing of it was kept.` : answer?.headers.get("x-studio-done") || "";
      if (stop.signal.aborted) return;
      if (answer?.ok) {
        document.querySelectorAll(`.karaoke[data-take="${id}"]`).forEach((box) => box.look()); // stems may have timed them
        const go = studio.node("a", { href, download: "" });
        document.body.append(go);
        go.click();
        go.remove();
        if (!line.textContent) line.remove();
      } else {
        const told = answer && (await answer.json().catch(() => null));
        line.textContent = told?.detail || "The studio does not answer. Is it still running?";
      }
    };
    const links = studio.kinds.filter(([kind]) => has.includes(kind)).map(([kind, name]) => {
      const link = studio.node("a", { className: "file", href: `files/${id}/${kind}`, download: "" }, name);
      link.setAttribute("aria-label", `${name}: download ${title}`);
      link.onclick = (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        take(link.href, name);
      };
      return link;
    });
    const group = studio.node("div", { className: "files", role: "group", ariaLabel: `Download ${title}` }, ...links, studio.master(id, title, take), said);
    return group;
  },

  // The same song at another rate, depth, loudness: what is chosen becomes the query of its address.
  master(id, title, take) {
    const chosen = Object.entries(studio.shapes).map(([name, [label, options]]) => {
      const select = studio.node("select", { name }, ...options.map(([value, text]) => studio.node("option", { value }, text)));
      return studio.node("label", {}, label, select);
    });
    const go = studio.node("button", { type: "button", className: "plainbutton" }, "Make master");
    go.setAttribute("aria-label", `Make master of ${title}`);
    const made = studio.node("details", { className: "master" }, studio.node("summary", {}, "Master for"), studio.node("div", {}, ...chosen, go));
    go.onclick = () => {
      const said = new URLSearchParams([...made.querySelectorAll("select")].map((one) => [one.name, one.value]).filter(([, value]) => value));
      const kind = said.get("kind");
      said.delete("kind");
      take(`files/${id}/${kind}?${said}`, "master");
    };
    return made;
  },

  // Waveform, spectrum and figures; drawn when first looked at.
  picture(id, title) {
    const image = studio.node("img", { className: "picture", loading: "lazy", src: `files/${id}/picture`, alt: `Waveform and spectrum of ${title}` });
    image.onerror = () => image.remove();
    return image;
  },
};

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const button = [...document.querySelectorAll(".go")].find((one) => one.offsetParent); // of the tab in view
  if (!button || button.disabled) return;
  event.preventDefault();
  event.stopPropagation();
  // A number box hands its value over when it is left.
  document.activeElement?.blur?.();
  setTimeout(() => button.click(), 60);
}, true);

// A file that is dropped beside every zone is taken for a take of ours: left alone, the browser would open it and the page
// would be gone.
const beside = (event) => event.dataTransfer?.types.includes("Files") && !event.target.closest?.(".upload, input, textarea");
document.addEventListener("dragover", (event) => beside(event) && event.preventDefault());
document.addEventListener("drop", async (event) => {
  if (!beside(event)) return;
  event.preventDefault();
  if (!event.dataTransfer.files.length) return;
  const one = new DataTransfer();
  one.items.add(event.dataTransfer.files[0]);
  for (let looks = 0; looks < 100; looks += 1) { // the zone takes no file while it still has one
    const zone = document.querySelector("#recipe-upload input[type=file]");
    if (zone) {
      zone.files = one.files;
      zone.dispatchEvent(new Event("change", { bubbles: true }));
      return;
    }
    await new Promise((soon) => setTimeout(soon, 100));
  }
  const lines = [...document.querySelectorAll(".result-side .status .line")];
  (lines.find((one) => one.offsetParent) || lines[0]).textContent = "The form is still being filled from another song; drop this one again in a moment.";
});
