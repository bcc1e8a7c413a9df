import type { SessionInfo } from "holdfast";
import type { Metadata } from "next";
import { redirect } from "next/navigation";
import { browser, time } from "../../../shop/pages.ts";
import { manager, sessions } from "../../lib/sessions.ts";
import { endDevice, endOtherDevices } from "../actions.ts";
import { Frame } from "../ui/frame.tsx";

export const metadata: Metadata = { title: "Your devices" };

export default async function Page() {
  const { user, id } = await sessions.read();
  if (user === null) redirect("/sign-in");
  const all = await manager.sessionsOf(user);
  const ordered = all.toSorted((one, other) => Number(other.id === id) - Number(one.id === id));
  return (
    <Frame>
      <section>
        <h2>Your devices</h2>
        <p>
          Everywhere you are signed in as <strong>{user}</strong>. What you end here is over at once, whatever
          that browser is doing.
        </p>
        <ul className="devices">
          {ordered.map((info) => (
            <Device key={info.id} info={info} isCurrent={info.id === id} />
          ))}
        </ul>
        {all.length > 1 ? (
          <form action={endOtherDevices}>
            <button className="danger">Sign out of all others</button>
          </form>
        ) : (
          <p className="quiet">No other device is signed in.</p>
        )}
      </section>
    </Frame>
  );
}

function Device({ info, isCurrent }: { info: SessionInfo; isCurrent: boolean }) {
  return (
    <li>
      <div>
        <strong>{browser(info.userAgent)}</strong>{" "}
        <span className="quiet">
          {info.address ?? "unknown address"} · signed in {time(info.authenticatedAt ?? info.createdAt)} ·
          last seen {time(info.accessedAt)}
        </span>{" "}
        <code>{info.id}</code>
      </div>
      {isCurrent ? (
        <span className="badge">this one</span>
      ) : (
        <form action={endDevice}>
          <input type="hidden" name="id" value={info.id} />
          <button>Sign out</button>
        </form>
      )}
    </li>
  );
}
