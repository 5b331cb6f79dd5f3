// The words of a take in time: the line that is sung is marked and kept in view, and a line that is tapped is played from.
// `sound` gives the audio element that holds this take, or null; `begin` lets it play. Empty until the recipe has come.
window.studio.karaoke = (id, title, sound, begin) => {
  const { node } = window.studio, AFTER = 1; // seconds that a line stays marked when it is over and none has begun
  const WORTH = {
    estimated: "The times of these lines are estimated.",
    aligned: "These lines are timed by the vocal.",
  };
  const box = node("div", { className: "karaoke", role: "group", ariaLabel: `Words of ${title}`, hidden: true });
  let lines = [], marked = null, wanted = null, worth;

  function mark(line) {
    if (line === marked) return;
    marked?.button.removeAttribute("aria-current");
    line?.button.setAttribute("aria-current", "true");
    marked = line;
    if (!line) return;
    const top = line.button.offsetTop - (box.clientHeight - line.button.offsetHeight) / 2;
    box.scrollTo({ top, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }
  box.follow = () => {
    const one = sound();
    if (one?.readyState && wanted !== null) [one.currentTime, wanted] = [wanted, null];
    const now = one && (one.currentTime || !one.paused) ? one.currentTime + 0.05 : -1;
    const line = lines.findLast((each) => each.start <= now);
    mark(line && now < line.end + AFTER ? line : null);
  };
  function from(line) {
    wanted = line.start;
    if (sound()?.paused !== false) begin();
    box.follow();
  }
  function draw({ lyrics, stems }) {
    box.replaceChildren();
    [lines, marked, worth] = [[], null, lyrics.timing];
    const more = worth === "estimated" && !stems ? " Making the stems times them by the vocal, where one is heard." : "";
    if (WORTH[worth]) box.append(node("p", { className: "said" }, WORTH[worth] + more));
    lyrics.sections.forEach((section, place) => {
      if (section.name) box.append(node("p", { className: "part" }, section.name));
      section.lines.forEach((line, number) => {
        const button = node("button", { type: "button" }, line.text);
        button.dataset.key = `line ${id} ${place} ${number}`;
        button.onclick = () => from(line);
        lines.push({ ...line, button });
        box.append(button);
      });
    });
    lines.sort((a, b) => a.start - b.start);
    box.hidden = false;
  }
  box.look = () => fetch(`files/${id}/recipe`, { cache: "no-cache" })
    .then((answer) => (answer.ok ? answer.json() : {}))
    .then((recipe) => recipe.lyrics && recipe.lyrics.timing !== worth && draw(recipe), () => {}); // without its words a song still plays
  box.dataset.take = id;
  box.look();
  return box;
};
setInterval(() => document.querySelectorAll(".karaoke").forEach((box) => box.offsetParent && box.follow()), 100);
