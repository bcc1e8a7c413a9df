// Sends 25 requests that overlap, then asks the server what it counted. Some frameworks run this again when the box comes
// onto a page again, so it leaves no names behind.
{
  const button = document.getElementById("hit");
  const shown = document.getElementById("hits");
  const said = document.getElementById("said");

  const hit = async () => {
    button.disabled = true;
    // The first visit has no cookie yet: one request gets it, so that the others are of one session.
    if (shown.textContent === "0") await fetch("/hit", { method: "POST" });
    const first = shown.textContent === "0" ? 24 : 25;
    const answers = await Promise.all(Array.from({ length: first }, () => fetch("/hit", { method: "POST" })));
    const refused = answers.filter((answer) => !answer.ok).length;
    const { hits } = await (await fetch("/hits")).json();
    said.textContent =
      refused === 0 ? "All 25 were counted." : `${refused} were refused, and none of those was counted.`;
    shown.textContent = hits;
    button.disabled = false;
  };
  // Whoever goes on fast has left the box before this was loaded. Until then the button would do nothing.
  if (button !== null) {
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- one listener, however often this runs.
    button.onclick = hit;
    button.disabled = false;
  }
}
