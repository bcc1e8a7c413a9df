// The counter over a socket: 25 messages that overlap, and the count of every tab that shows the same session.
const button = document.getElementById("hit");
const shown = document.getElementById("hits");
const said = document.getElementById("said");
let socket = connect();
let refused = 0;
let awaited = 0;

function connect() {
  const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/live`);
  opened.addEventListener("message", ({ data }) => told(JSON.parse(data)));
  opened.addEventListener("close", ({ code }) => closed(opened, code));
  return opened;
}

function told({ hits, hit }) {
  // Messages overlap, so a lower count may come later.
  if (hits !== undefined) shown.textContent = String(Math.max(hits, Number(shown.textContent)));
  if (hit === undefined) return;
  awaited -= 1;
  if (hit === "refused") refused += 1;
  if (awaited > 0) return;
  button.disabled = false;
  said.textContent =
    refused === 0 ? "All 25 were counted." : `${refused} were refused, and none of those was counted.`;
}

function closed(one, code) {
  // The one that was replaced by hand.
  if (one !== socket) return;
  button.disabled = false;
  // 4401: the session ended. 4409: it has a new secret, and so does this browser. Else the server went away.
  if (code === 4401) return notice("You were signed out elsewhere.");
  setTimeout(() => (socket = connect()), code === 4409 ? 0 : 2000);
}

function notice(text) {
  const line = document.createElement("p");
  line.className = "notice";
  line.setAttribute("role", "status");
  line.append(
    `${text} `,
    Object.assign(document.createElement("a"), { href: "/", textContent: "Look again" }),
  );
  document.querySelector("main").prepend(line);
  button.disabled = true;
}

function open(one) {
  return new Promise((resolve) => {
    if (one.readyState === WebSocket.OPEN) resolve();
    else one.addEventListener("open", resolve, { once: true });
  });
}

button.addEventListener("click", async () => {
  button.disabled = true;
  refused = 0;
  awaited = 25;
  if (shown.textContent === "0") {
    // A visitor has no session yet, and a socket can carry no cookie: one request makes it, and a new socket has it.
    const { hits } = await (await fetch("/hit", { method: "POST" })).json();
    shown.textContent = hits;
    awaited = 24;
    const former = socket;
    socket = connect();
    former.close();
  }
  await open(socket);
  for (let left = awaited; left > 0; left -= 1) socket.send("hit");
});

// Until now it would have done nothing.
button.disabled = false;
