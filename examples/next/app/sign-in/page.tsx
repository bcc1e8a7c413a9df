import type { Metadata } from "next";
import { signIn } from "../actions.ts";
import { Frame } from "../ui/frame.tsx";

export const metadata: Metadata = { title: "Sign in" };

export default function Page() {
  return (
    <Frame>
      <section className="narrow box">
        <h2>Sign in</h2>
        <p>
          This is a demonstration: any name will do, and nobody asks for a password. Sign in with the same
          name from another browser to see both under <em>Your devices</em>.
        </p>
        <form action={signIn}>
          <label>
            Name <input name="name" autoComplete="username" maxLength={40} required autoFocus />
          </label>
          <button className="main">Sign in</button>
        </form>
      </section>
    </Frame>
  );
}
