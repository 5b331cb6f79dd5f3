// What the widgets share. User text enters the page as text nodes only, never as markup.
window.studio = {
  kinds: [["wav", "WAV"], ["flac", "FLAC"], ["mp3", "MP3"], ["midi", "MIDI"], ["stems", "Stems"],
    ["ardour", "Ardour"], ["dawproject", "DAWproject"], ["reaper", "Reaper"], ["loop", "Loop"], ["loop4", "Loop x 4"], ["lrc", "LRC"], ["recipe", "Recipe"]],

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

  // A link per file kind. The first byte is fetched first: the file is made then, and a refusal can be shown as words.
  files(id, title, has) {
    const said = studio.node("span", { className: "said", role: "status" });
    const links = studio.kinds.filter(([kind]) => has.includes(kind)).map(([kind, name]) => {
      const link = studio.node("a", { className: "file", href: `files/${id}/${kind}`, download: "" }, name);
      link.setAttribute("aria-label", `${name}: download ${title}`);
      link.onclick = async (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        said.textContent = `Making ${name}`;
        const answer = await fetch(link.href, { headers: { Range: "bytes=0-0" } }).catch(() => null);
        said.textContent = "";
        if (answer?.ok) {
          const go = studio.node("a", { href: link.href, download: "" });
          document.body.append(go);
          go.click();
          go.remove();
        } else {
          const told = answer && (await answer.json().catch(() => null));
          said.textContent = told?.detail || "The studio does not answer. Is it still running?";
        }
      };
      return link;
    });
    return studio.node("div", { className: "files", role: "group", ariaLabel: `Download ${title}` }, ...links, said);
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
