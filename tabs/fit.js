const { node } = window.studio;
const list = element.querySelector(".fit");
const said = { green: "sings easily", amber: "quick", red: "no room" };
const LONG = 10; // syllables of a line beyond which two are easier to sing
function fix(text, label, what, section, line) {
  const button = node("button", { type: "button", className: "plainbutton", ariaLabel: label, title: label }, text);
  button.onclick = () => trigger("fix", { what, section, line });
  return button;
}
function draw() {
  const now = props.value || {};
  list.replaceChildren();
  const told = now.wrong || now.idle;
  if (told) list.append(node("p", { className: "told" }, told));
  const sections = now.sections || [];
  if (sections.some((section) => section.sentence)) {
    list.append(fix("More seconds", "Make the song long enough for all its words", "seconds", 0, 0));
  }
  for (const section of sections) {
    const lines = section.lines.map((line, place) => {
      const row = node("li", { className: line.colour, title: said[line.colour] },
        node("span", { className: "count", "aria-label": `${line.syllables} syllables, ${said[line.colour]}` }, String(line.syllables)), line.text);
      if (line.colour !== "green" && line.syllables > LONG) row.append(" ", fix("Split", `Split the line: ${line.text}`, "split", section.place, place));
      return row;
    });
    const head = node("p", { className: "part" }, section.sentence || section.name);
    if (section.sentence && section.lines.length > 1) {
      head.append(" ", fix("Fewer lines", `Take out the last lines of ${section.name} that have no room`, "fewer", section.place, 0));
    }
    list.append(head, node("ol", {}, ...lines));
  }
}
watch("value", draw);
draw();
