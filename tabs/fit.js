const { node } = window.studio;
const list = element.querySelector(".fit");
const said = { green: "sings easily", amber: "quick", red: "no room" };
function draw() {
  const now = props.value || {};
  list.replaceChildren();
  const told = now.wrong || now.idle;
  if (told) list.append(node("p", { className: "told" }, told));
  for (const section of now.sections || []) {
    const lines = section.lines.map((line) => node("li", { className: line.colour, title: said[line.colour] },
      node("span", { className: "count", "aria-label": `${line.syllables} syllables, ${said[line.colour]}` }, String(line.syllables)), line.text));
    list.append(node("p", { className: "part" }, section.sentence || section.name), node("ol", {}, ...lines));
  }
}
watch("value", draw);
draw();
