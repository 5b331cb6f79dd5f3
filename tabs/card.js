const { node, files, picture, sold, karaoke } = window.studio;
const card = element.querySelector(".card");
function strip(sections) {
  const said = sections.map((s) => `${s.name} ${s.bars} bars`).join(", ");
  return node("div", { className: "strip", role: "img", "aria-label": `Form: ${said}` }, ...sections.map((s) => {
    const part = node("div", { className: "part" }, node("i"), node("span", {}, s.name));
    part.style.flexGrow = s.seconds;
    part.firstElementChild.style.height = `${Math.round(8 + 92 * s.energy)}%`;
    part.title = `${s.name}, ${s.bars} bars`;
    return part;
  }));
}
function fit() { // a name that is cut off reads as part of the next one
  for (const name of card.querySelectorAll(".strip span")) {
    name.style.visibility = name.scrollWidth > name.parentElement.clientWidth ? "hidden" : "visible";
  }
}
const player = (what) => element.closest(".result-side").querySelector(`.player ${what}`); // above this card
const sound = () => player("#waveform > div")?.shadowRoot?.querySelector("audio"); // where Gradio's player keeps it
const play = () => player('[aria-label="Play"]')?.click();
function draw() {
  const take = props.value;
  card.replaceChildren();
  card.hidden = !take;
  if (!take) return;
  if (take.sections.length) card.append(strip(take.sections));
  card.append(node("p", { className: "words" }, take.words));
  if (take.chart) card.append(node("details", { className: "chart" }, node("summary", {}, "Chords"), node("pre", {}, take.chart)));
  if (take.sung) card.append(karaoke(take.id, take.title, sound, play));
  for (const notice of take.notices) card.append(node("p", { className: "notice" }, notice));
  if (take.proof) card.append(node("ul", { className: "proof", ariaLabel: "Edit proof" }, ...take.proof.map((line) => node("li", {}, line))));
  card.append(node("p", { className: "facts" }, take.facts), sold(take.sold));
  const again = node("button", { type: "button", className: "plainbutton again" }, "Again with a new seed");
  again.onclick = () => trigger("again", { id: take.id });
  const plan = node("button", { type: "button", className: "plainbutton" }, "Change the plan");
  plan.setAttribute("aria-label", `Change the plan of ${take.title}`);
  plan.onclick = () => trigger("reuse", { id: take.id, plan: true });
  const on = ["cover", "extend", "edit"].map((mode) => {
    const button = node("button", { type: "button", className: "plainbutton" }, `${mode[0].toUpperCase()}${mode.slice(1)}`);
    button.setAttribute("aria-label", `${button.textContent} ${take.title}`);
    button.onclick = () => trigger("open", { id: take.id, mode });
    return button;
  });
  card.append(picture(take.id, take.title), files(take.id, take.title, take.kinds), node("div", { className: "deeds" }, again, plan, ...on));
  fit();
}
new ResizeObserver(fit).observe(card);
watch("value", draw);
draw();
