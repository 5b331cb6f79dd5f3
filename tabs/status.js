const line = element.querySelector(".line"), bar = element.querySelector(".bar"), done = bar.firstElementChild;
function draw() {
  const now = props.value || {};
  element.querySelector(".status").dataset.tone = now.tone || "idle";
  if (line.textContent !== now.text) line.textContent = now.text || "";
  const working = now.fraction !== null && now.fraction !== undefined;
  bar.hidden = !working;
  const percent = Math.round(100 * (now.fraction || 0));
  bar.setAttribute("aria-valuenow", percent);
  done.style.width = `${percent}%`;
}
watch("value", draw);
draw();
