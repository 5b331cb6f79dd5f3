const { clock } = window.studio;
const box = element.querySelector(".live"), sound = box.querySelector("audio");
const [button, time, said] = box.querySelectorAll("button, .time, .said");
let job = null;
function told() {
  button.textContent = sound.paused ? "Listen" : "Pause";
  button.setAttribute("aria-label", `${button.textContent}: the song in the making`);
  time.textContent = clock(sound.currentTime);
}
function say(words) { if (said.textContent !== words) said.textContent = words; }
function draw() {
  const now = props.value, wanted = now?.job || null;
  if (wanted === job) return;
  job = wanted;
  box.hidden = !job;
  if (job) {
    say("In the making: what you hear is not mastered yet.");
    sound.src = `jobs/${encodeURIComponent(job)}/audio`;
    if (now.play) sound.play().catch(() => {});
  } else {
    sound.pause();
    sound.removeAttribute("src");
    sound.load(); // lets go of the connection
  }
  told();
}
button.onclick = () => (sound.paused ? sound.play().catch(() => {}) : sound.pause());
for (const name of ["play", "pause", "ended", "timeupdate"]) sound.addEventListener(name, told);
sound.addEventListener("error", () => job && say("This browser cannot play a song in the making; wait until it is done."));
document.addEventListener("click", (event) => event.target.closest?.(".player button, .card .karaoke button, .wave button, .shelf button") && sound.pause(), true);
watch("value", draw);
draw();
