import { headers } from "next/headers";
import Link from "next/link";
import type { ReactNode } from "react";
import { fingerprint } from "../../../shop/rules.ts";
import { noticesOf } from "../../lib/notices.ts";
import { sessions } from "../../lib/sessions.ts";
import { signOut } from "../actions.ts";

/** What every page shows around its content. */
export async function Frame({ children }: { children: ReactNode }) {
  const { user } = await sessions.read();
  const notices = noticesOf(await headers());
  return (
    <>
      <header>
        <Link className="name" href="/">
          <svg viewBox="0 0 48 48" aria-hidden="true">
            <path d="M24 14v26M24 14a4 4 0 1 0-.1-8 4 4 0 0 0 .1 8ZM16 20h16M8 28c1 8 8 12 16 12s15-4 16-12" />
          </svg>
          The Chandlery
        </Link>
        <nav>{user === null ? <Link href="/sign-in">Sign in</Link> : <SignedIn user={user} />}</nav>
      </header>
      <main>
        {notices.map((notice) => (
          <p key={notice} className="notice" role="status">
            {notice}
          </p>
        ))}
        {children}
      </main>
      <footer>
        <Facts />
        <p>
          <Link href="/tide">Tide table</Link>
        </p>
      </footer>
    </>
  );
}

function SignedIn({ user }: { user: string }) {
  return (
    <>
      <span>
        Aboard as <strong>{user}</strong>
      </span>
      <Link href="/devices">Your devices</Link>
      <form action={signOut}>
        <button className="link">Sign out</button>
      </form>
    </>
  );
}

async function Facts() {
  const session = await sessions.read();
  const cookie = (await headers()).get("cookie") ?? undefined;
  if (session.id === null) {
    return (
      <p>
        <strong>Behind the counter:</strong> no session is stored and no cookie is set. Put something into the
        cart.
      </p>
    );
  }
  return (
    <p>
      <strong>Behind the counter:</strong> session <code>{session.id}</code>,{" "}
      {Math.round(session.age() / 1000)} s old. Your cookie’s fingerprint is{" "}
      <code>{fingerprint(cookie) ?? "new"}</code>: it changes when you sign in. Stop the server, start it
      again, and all is still here.
    </p>
  );
}
