const { node, files, picture, clock, sold, karaoke } = window.studio;
const shelf = element.querySelector(".shelf");
const sound = new Audio(); // one for the whole list, outside of it: a redraw does not stop the music
let playing = null, open = new Set(), drawn = "";
const sung = new Map(), had = new Map(); // words and files of takes that were opened: a redraw moves them and leaves them as they are

function position() {
  const range = shelf.querySelector(".seek"), time = shelf.querySelector(".time");
  if (!range || !playing) return;
  const length = sound.duration || playing.duration;
  if (!range.matches(":active")) range.value = (1000 * sound.currentTime) / length;
  time.textContent = `${clock(sound.currentTime)} / ${clock(length)}`;
}
function toggle(take) {
  for (const pause of document.querySelectorAll('.player [aria-label="Pause"], .wave [aria-label^="Pause"]')) pause.click();
  if (playing?.id === take.id) sound.paused ? sound.play() : sound.pause();
  else { playing = take; sound.src = `files/${take.id}/wav`; sound.play().catch(() => {}); }
  draw(true);
}
function letGo() { // of a song that is deleted: a browser that still asks for the rest of its file would be told that it is gone
  sound.pause();
  sound.removeAttribute("src");
  sound.load();
  playing = null;
}
for (const name of ["play", "pause", "ended"]) sound.addEventListener(name, () => draw(true));
sound.addEventListener("timeupdate", position);
// One song at a time: whatever starts sound under Generate silences the library, and the other way round.
document.addEventListener("click", (event) => event.target.closest?.(".go, .again, .pick, .live button, .player button, .card .karaoke button, .wave button") && sound.pause(), true);

function action(text, label, run, props = {}) {
  const button = node("button", { type: "button", className: "plainbutton", ...props }, text);
  button.setAttribute("aria-label", label);
  button.dataset.key = label;
  button.onclick = run;
  return button;
}
function seek() {
  const range = node("input", { type: "range", className: "seek", min: 0, max: 1000, value: 0, ariaLabel: "Position" });
  range.dataset.key = "seek";
  range.oninput = () => { sound.currentTime = (range.value / 1000) * (sound.duration || 0); };
  return node("div", { className: "playing" }, range, node("span", { className: "time" }));
}
function words(take) {
  if (!sung.has(take.id)) sung.set(take.id, karaoke(take.id, take.title, () => (playing?.id === take.id ? sound : null), () => toggle(take)));
  return sung.get(take.id);
}
function downloads(take) { // a file that is being made keeps its progress and its Stop
  const key = `${take.id} ${take.title} ${take.kinds}`;
  if (!had.has(key)) had.set(key, files(take.id, take.title, take.kinds));
  return had.get(key);
}
function row(take) {
  const current = playing?.id === take.id, on = current && !sound.paused;
  const play = action(on ? "Pause" : "Play", `${on ? "Pause" : "Play"} ${take.title}`, () => toggle(take));
  play.dataset.key = `play ${take.id}`;
  const star = action(take.favourite ? "★" : "☆", `Favourite ${take.title}`, () =>
    trigger("act", { what: "favourite", id: take.id, on: !take.favourite }), { className: "plainbutton star" });
  star.setAttribute("aria-pressed", String(take.favourite));
  const shown = open.has(take.id);
  const more = action(shown ? "Less" : "More", `${shown ? "Less" : "More"} about ${take.title}`, () => {
    shown ? open.delete(take.id) : open.add(take.id);
    draw(true);
  });
  more.setAttribute("aria-expanded", String(shown));
  more.dataset.key = `more ${take.id}`;
  const head = node("div", { className: "head" }, play,
    node("div", { className: "name" }, node("h2", {}, take.title), node("p", {}, take.facts)), star, more);
  const made = node("li", { className: current ? "song current" : "song" }, head);
  made.dataset.take = take.id;
  if (current) made.append(seek());
  if (shown) made.append(node("div", { className: "more" }, node("p", { className: "words" }, take.words), sold(take.sold), ...(take.sung ? [words(take)] : []),
    picture(take.id, take.title), downloads(take), node("div", { className: "deeds" },
      ...["cover", "extend", "edit"].map((mode) => action(`${mode[0].toUpperCase()}${mode.slice(1)}`, `${mode} ${take.title}`,
        () => { sound.pause(); trigger("open", { id: take.id, mode }); })),
      action("Reuse settings", `Reuse settings of ${take.title}`, () => { sound.pause(); trigger("reuse", { id: take.id }); }),
      action("Change the plan", `Change the plan of ${take.title}`, () => { sound.pause(); trigger("reuse", { id: take.id, plan: true }); }),
      action("Delete", `Delete ${take.title}`, () => {
        if (playing?.id === take.id) letGo();
        trigger("act", { what: "forget", id: take.id });
      }))));
  return made;
}
function draw(force) {
  const now = props.value, text = JSON.stringify(now);
  if (!now || (force !== true && text === drawn)) return;
  drawn = text;
  const held = shelf.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const parts = [];
  if (now.deleted) {
    if (playing?.id === now.deleted.id) letGo();
    parts.push(node("div", { className: "undo", role: "status" }, `Deleted ${now.deleted.title}. `,
      action("Undo", `Undo deleting ${now.deleted.title}`, () => trigger("act", { what: "restore", id: now.deleted.id }))));
  }
  if (now.takes.length) parts.push(node("ol", {}, ...now.takes.map(row)));
  else parts.push(node("p", { className: "empty" }, now.empty));
  if (now.more) parts.push(action("More songs", "More songs", () => trigger("act", { what: "more" })));
  const scrolled = [...sung.values()].map((box) => [box, box.scrollTop]);
  shelf.replaceChildren(...parts);
  for (const [box, top] of scrolled) box.scrollTop = top;
  if (held) [...shelf.querySelectorAll("[data-key]")].find((one) => one.dataset.key === held)?.focus();
  position();
}
watch("value", () => draw());
draw();
