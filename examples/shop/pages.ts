import type { SessionId, SessionInfo } from "holdfast";
import type { Good } from "./goods.ts";

/** What every page shows around its content. */
export interface Frame {
  readonly user: string | null;
  readonly notices: readonly string[];
  readonly id: SessionId | null;
  readonly cookie: string | null;
  /** Milliseconds. */
  readonly age: number;
}

export function shopPage(
  frame: Frame,
  goods: readonly Good[],
  cart: Readonly<Record<string, number>>,
  hits: number,
): string {
  return page(
    frame,
    "The Chandlery",
    `<div class="columns">
      <section><h2>Goods</h2><div class="goods">${goods.map(card).join("")}</div></section>
      <aside>${cartBox(goods, cart, frame.id === null)}${counterBox(hits)}</aside>
    </div>`,
  );
}

export function signInPage(frame: Frame): string {
  return page(
    frame,
    "Sign in",
    `<section class="narrow box">
      <h2>Sign in</h2>
      <p>This is a demonstration: any name will do, and nobody asks for a password. Sign in with the same name from another
      browser to see both under <em>Your devices</em>.</p>
      <form method="post" action="/sign-in">
        <label>Name <input name="name" autocomplete="username" maxlength="40" required autofocus></label>
        <button class="main">Sign in</button>
      </form>
    </section>`,
  );
}

export function devicesPage(
  frame: Frame,
  sessions: readonly SessionInfo[],
  current: SessionId | null,
): string {
  const ordered = sessions.toSorted(
    (one, other) => Number(other.id === current) - Number(one.id === current),
  );
  const others = sessions.length - 1;
  return page(
    frame,
    "Your devices",
    `<section>
      <h2>Your devices</h2>
      <p>Everywhere you are signed in as <strong>${escape(frame.user ?? "")}</strong>. What you end here is over at once, whatever
      that browser is doing.</p>
      <ul class="devices">${ordered.map((info) => device(info, info.id === current)).join("")}</ul>
      ${others > 0 ? `<form method="post" action="/devices/end-others"><button class="danger">Sign out of all others</button></form>` : `<p class="quiet">No other device is signed in.</p>`}
    </section>`,
  );
}

/** The first part of the tide table: all that is known before the harbour master answers. */
export function tidePageStart(frame: Frame): string {
  return `${opening(frame, "Tide table")}<section class="narrow box">
      <h2>Tide table</h2>
      <p class="quiet">Asking the harbour master …</p>`;
}

/** The rest of it. The frame is that of the session as it is by now. */
export function tidePageEnd(frame: Frame, waters: readonly string[]): string {
  return `<ol class="tide">${waters.map((water) => `<li>${escape(water)}</li>`).join("")}</ol>
      <p>Written for <strong>${escape(frame.user ?? "a visitor")}</strong>.</p>
    </section>${closing(frame)}`;
}

function page(frame: Frame, title: string, content: string): string {
  return `${opening(frame, title)}${content}${closing(frame)}`;
}

function opening(frame: Frame, title: string): string {
  const notices = frame.notices
    .map((notice) => `<p class="notice" role="status">${escape(notice)}</p>`)
    .join("");
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${escape(title)}</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/style.css">
</head>
<body>
  <header>
    <a class="name" href="/"><svg viewBox="0 0 48 48" aria-hidden="true"><path d="M24 14v26M24 14a4 4 0 1 0-.1-8 4 4 0 0 0 .1 8ZM16 20h16M8 28c1 8 8 12 16 12s15-4 16-12"/></svg>The Chandlery</a>
    <nav>${frame.user === null ? `<a href="/sign-in">Sign in</a>` : signedIn(frame.user)}</nav>
  </header>
  <main>${notices}`;
}

function closing(frame: Frame): string {
  return `</main>
  <footer>${facts(frame)}<p><a href="/tide">Tide table</a></p></footer>
</body>
</html>`;
}

function signedIn(user: string): string {
  return `<span>Aboard as <strong>${escape(user)}</strong></span><a href="/devices">Your devices</a>
    <form method="post" action="/sign-out"><button class="link">Sign out</button></form>`;
}

function card(good: Good): string {
  return `<article class="good">
    <svg viewBox="0 0 48 48" aria-hidden="true"><path d="${good.picture}"/></svg>
    <h3>${escape(good.name)}</h3>
    <p>${escape(good.about)}</p>
    <form method="post" action="/cart/add"><input type="hidden" name="good" value="${good.id}">
      <span class="price">${price(good.price)}</span><button class="main">Add</button></form>
  </article>`;
}

function cartBox(
  goods: readonly Good[],
  cart: Readonly<Record<string, number>>,
  isAnonymous: boolean,
): string {
  const lines = goods
    .filter((good) => (cart[good.id] ?? 0) > 0)
    .map((good) => ({ good, count: cart[good.id] ?? 0 }));
  const empty = isAnonymous ? "Empty, and nothing is stored of you." : "Empty.";
  if (lines.length === 0)
    return `<section class="box"><h2>Your cart</h2><p class="quiet">${empty}</p></section>`;
  const total = lines.reduce((sum, { good, count }) => sum + good.price * count, 0);
  const rows = lines.map(
    ({
      good,
      count,
    }) => `<tr><td>${count} ×</td><td>${escape(good.name)}</td><td class="price">${price(good.price * count)}</td>
      <td><form method="post" action="/cart/remove"><input type="hidden" name="good" value="${good.id}"><button class="link" aria-label="Remove ${escape(good.name)}">×</button></form></td></tr>`,
  );
  return `<section class="box"><h2>Your cart</h2><table>${rows.join("")}
    <tr class="total"><td></td><td>Total</td><td class="price">${price(total)}</td><td></td></tr></table></section>`;
}

function counterBox(hits: number): string {
  return `<section class="box counter">
    <h2>Counter</h2>
    <output id="hits">${hits}</output>
    <p>One number in your session. Press in two tabs at once: each press sends 25 requests that overlap, and none is lost.</p>
    <button id="hit" disabled>Hit 25 times</button>
    <p class="quiet" id="said"></p>
    <script src="/counter.js" defer></script>
  </section>`;
}

function device(info: SessionInfo, isCurrent: boolean): string {
  const what = isCurrent
    ? `<span class="badge">this one</span>`
    : `<form method="post" action="/devices/end"><input type="hidden" name="id" value="${info.id}"><button>Sign out</button></form>`;
  return `<li><div><strong>${escape(browser(info.userAgent))}</strong>
    <span class="quiet">${escape(info.address ?? "unknown address")} · signed in ${time(info.authenticatedAt ?? info.createdAt)} · last seen ${time(info.accessedAt)}</span>
    <code>${info.id}</code></div>${what}</li>`;
}

function facts({ id, cookie, age }: Frame): string {
  if (id === null)
    return `<p><strong>Behind the counter:</strong> no session is stored and no cookie is set. Put something into the cart.</p>`;
  const seconds = Math.round(age / 1000);
  return `<p><strong>Behind the counter:</strong> session <code>${id}</code>, ${seconds} s old. Your cookie’s fingerprint is
    <code>${cookie ?? "new"}</code>: it changes when you sign in. Stop the server, start it again, and all is still here.</p>`;
}

export function browser(userAgent: string | null): string {
  // Safari alone tells its version apart from its name.
  const found = /(Edg|Firefox|HeadlessChrome|Chrome|Safari|curl)\/(\d+)/.exec(
    (userAgent ?? "").replace(/Version\/(\d+).*Safari\/.*/, "Safari/$1"),
  );
  // Android says that it is a Linux, and an iPhone that it is like a Mac.
  const systems = ["Windows", "Android", "iPhone", "Mac OS X", "Linux"];
  const system = systems.find((name) => userAgent?.includes(name));
  if (found === null) return userAgent ?? "Unknown browser";
  return `${found[1]} ${found[2]}${system === undefined ? "" : ` on ${system}`}`;
}

export function price(cents: number): string {
  return `€ ${(cents / 100).toFixed(2)}`;
}

export function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function escape(text: string): string {
  const names: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => names[character] ?? character);
}
