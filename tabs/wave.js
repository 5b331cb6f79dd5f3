const { node, clock } = window.studio;
const box = element.querySelector(".wave");
const sound = new Audio();
const canvas = node("canvas", { height: 120 }), handles = node("div", { className: "handles" });
const play = node("button", { type: "button", className: "plainbutton" }, "Play"), time = node("span", { className: "time" });
const stage = node("div", { className: "stage" }, canvas, handles);
const clear = node("button", { type: "button", className: "plainbutton" }, "Clear regions");
const bar = node("div", { className: "playing" }, play, time, clear);
let song = null, regions = [], drag = null, drawn = "";
const NEAR = 10, HEIGHT = 120, SHORTEST = 0.05;

const width = () => canvas.clientWidth || 1;
const x = (seconds) => (seconds / song.duration) * width();
const at = (event) => Math.min(song.duration, Math.max(0, ((event.clientX - canvas.getBoundingClientRect().left) / width()) * song.duration));
const written = () => regions.map(([a, b]) => `${+a.toFixed(2)}-${+b.toFixed(2)}`).join(", ");
const inside = (seconds) => regions.some(([a, b]) => seconds >= a && seconds < b);

// A hand is not exact: near a beat, the beat is meant. Alt says that it is not.
function snapped(seconds, event) {
  if (event?.altKey || !song.beats) return seconds;
  const beat = song.beats.reduce((best, one) => (Math.abs(one - seconds) < Math.abs(best - seconds) ? one : best), Infinity);
  return Math.abs(x(beat) - x(seconds)) < NEAR ? beat : seconds;
}
function paint() {
  if (!song) return;
  const dense = devicePixelRatio || 1, pen = canvas.getContext("2d"), style = getComputedStyle(element);
  canvas.width = width() * dense;
  canvas.height = HEIGHT * dense;
  pen.scale(dense, dense);
  pen.fillStyle = style.color;
  const step = width() / song.peaks.length;
  song.peaks.forEach((peak, place) => {
    const seconds = ((place + 0.5) / song.peaks.length) * song.duration, tall = Math.max(1, (peak / 100) * (HEIGHT - 16));
    pen.globalAlpha = !regions.length || inside(seconds) ? 1 : 0.3;
    pen.fillRect(place * step, (HEIGHT - tall) / 2, Math.max(1, step - 0.5), tall);
  });
  pen.globalAlpha = 1;
  for (const [start, , label] of song.sections || []) {
    pen.fillRect(x(start), 0, 1, 8);
    if (label) pen.fillText(label, x(start) + 4, 9);
  }
  pen.fillRect(x(sound.currentTime || 0) - 1, 0, 2, HEIGHT);
  place();
}
function place() {
  for (const handle of handles.children) {
    const { region, end } = handle.dataset, seconds = regions[region]?.[end];
    if (seconds === undefined) continue;
    handle.style.left = `${x(seconds)}px`;
    handle.setAttribute("aria-valuenow", seconds.toFixed(2));
    handle.setAttribute("aria-valuetext", `${seconds.toFixed(2)} seconds`);
  }
}
function furnish() {
  handles.replaceChildren(...regions.flatMap((_, region) => [0, 1].map((end) => {
    const handle = node("button", { type: "button", className: "handle", role: "slider" });
    handle.setAttribute("aria-label", `Region ${region + 1}, ${end ? "end" : "start"}`);
    handle.setAttribute("aria-valuemin", 0);
    handle.setAttribute("aria-valuemax", song.duration);
    Object.assign(handle.dataset, { region, end });
    handle.onpointerdown = (event) => begin(event, { region, end });
    handle.onkeydown = (event) => nudge(event, region, end);
    return handle;
  })));
  clear.hidden = !regions.length;
  paint();
}
function nudge(event, region, end) {
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key === "Delete" || event.key === "Backspace") regions.splice(region, 1), furnish();
  else if (way) move(region, end, regions[region][end] + way * (event.shiftKey ? 1 : 0.1)), paint();
  else return;
  event.preventDefault();
  commit();
}
function move(region, end, seconds) {
  const other = regions[region][1 - end];
  seconds = Math.min(song.duration, Math.max(0, seconds));
  regions[region][end] = end ? Math.max(seconds, other + SHORTEST) : Math.min(seconds, other - SHORTEST);
}
function commit() {
  const sorted = regions.filter(([a, b]) => b - a >= SHORTEST).sort((one, two) => one[0] - two[0]);
  regions = [];
  for (const pair of sorted) { // regions that touch are one
    const last = regions.at(-1);
    if (last && pair[0] <= last[1]) last[1] = Math.max(last[1], pair[1]);
    else regions.push(pair);
  }
  trigger("regions", { text: written() });
}
function begin(event, what) {
  drag = what;
  canvas.setPointerCapture(event.pointerId);
  event.preventDefault();
}
canvas.onpointerdown = (event) => {
  if (!song) return;
  const seconds = at(event);
  let found = null;
  if (song.editable) regions.forEach((pair, region) => pair.forEach((edge, end) => {
    if (Math.abs(x(edge) - x(seconds)) < NEAR) found = { region, end };
  }));
  begin(event, found || { from: seconds, pixel: event.clientX });
};
canvas.onpointermove = (event) => {
  if (!drag) return;
  if (drag.from !== undefined) {
    if (!song.editable || Math.abs(event.clientX - drag.pixel) < 5) return;
    const start = snapped(drag.from, event);
    drag = { region: regions.push([start, start + SHORTEST]) - 1, end: 1, start };
    furnish();
  }
  const seconds = snapped(at(event), event);
  if (drag.start !== undefined) regions[drag.region] = seconds < drag.start ? [seconds, drag.start] : [drag.start, Math.max(seconds, drag.start + SHORTEST)];
  else move(drag.region, drag.end, seconds);
  paint();
};
canvas.onpointerup = canvas.onpointercancel = () => {
  if (!drag) return;
  const tapped = drag.from;
  drag = null;
  if (tapped !== undefined) sound.currentTime = tapped, paint();
  else commit(), furnish();
};
clear.onclick = () => { regions = []; furnish(); commit(); };
play.onclick = () => (sound.paused ? sound.play().catch(() => {}) : sound.pause());
function told() {
  play.textContent = sound.paused ? "Play" : "Pause";
  play.setAttribute("aria-label", `${play.textContent} the original`);
  time.textContent = song ? `${clock(sound.currentTime)} / ${clock(song.duration)}` : "";
  paint();
}
for (const name of ["play", "pause", "ended", "timeupdate", "seeked"]) sound.addEventListener(name, told);
document.addEventListener("click", (event) => event.target.closest?.(".go, .again, .pick, .live button, .player button, .card .karaoke button, .shelf button") && sound.pause(), true);
function draw() {
  const now = props.value, text = JSON.stringify(now);
  if (text === drawn || drag) return;
  drawn = text;
  if (!now) { sound.pause(); song = null; box.replaceChildren(); return; }
  if (song?.url !== now.url) sound.src = now.url;
  song = now;
  regions = (now.regions || []).map((pair) => [...pair]);
  if (!box.contains(stage)) box.replaceChildren(node("p", { className: "songtitle" }), stage, bar);
  box.querySelector(".songtitle").textContent = now.title;
  furnish();
  told();
}
new ResizeObserver(paint).observe(canvas);
watch("value", draw);
draw();
