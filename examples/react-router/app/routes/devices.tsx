import { parseSessionId, type SessionInfo } from "holdfast";
import { Form, redirect } from "react-router";
import { browser, time } from "../../../shop/pages.ts";
import { manager, sessions } from "../sessions.server";
import type { Route } from "./+types/devices";

export const meta: Route.MetaFunction = () => [{ title: "Your devices" }];

export async function loader({ context }: Route.LoaderArgs) {
  const { user, id } = sessions.of(context);
  if (user === null) throw redirect("/sign-in", 303);
  const infos = await manager.sessionsOf(user);
  const devices = infos.map((info) => ({ ...shown(info), isCurrent: info.id === id }));
  return { user, devices: devices.toSorted((one, other) => Number(other.isCurrent) - Number(one.isCurrent)) };
}

function shown({ id, userAgent, address, authenticatedAt, createdAt, accessedAt }: SessionInfo) {
  return {
    id,
    name: browser(userAgent),
    address: address ?? "unknown address",
    signedIn: time(authenticatedAt ?? createdAt),
    lastSeen: time(accessedAt),
  };
}

export async function action({ request, context }: Route.ActionArgs) {
  const session = sessions.of(context);
  if (session.user === null) return redirect("/sign-in", 303);
  const form = await request.formData();
  if (form.get("do") === "end-others") {
    const count = await manager.revokeUser(session.user, { except: session.id });
    session.flash(
      "notice",
      count === 1 ? "One other device is signed out." : `${count} other devices are signed out.`,
    );
    return redirect("/devices", 303);
  }
  const given = form.get("id");
  const id = parseSessionId(typeof given === "string" ? given : "");
  if (id === null) return redirect("/devices", 303);
  const ended = await manager.revoke(id, { user: session.user });
  session.flash("notice", ended ? "That device is signed out." : "That device was signed out already.");
  return redirect("/devices", 303);
}

export default function Devices({ loaderData: { user, devices } }: Route.ComponentProps) {
  return (
    <section>
      <h2>Your devices</h2>
      <p>
        Everywhere you are signed in as <strong>{user}</strong>. What you end here is over at once, whatever
        that browser is doing.
      </p>
      <ul className="devices">
        {devices.map((device) => (
          <li key={device.id}>
            <div>
              <strong>{device.name}</strong>{" "}
              <span className="quiet">
                {device.address} · signed in {device.signedIn} · last seen {device.lastSeen}
              </span>{" "}
              <code>{device.id}</code>
            </div>
            {device.isCurrent ? (
              <span className="badge">this one</span>
            ) : (
              <Form method="post">
                <input type="hidden" name="id" value={device.id} />
                <button name="do" value="end">
                  Sign out
                </button>
              </Form>
            )}
          </li>
        ))}
      </ul>
      {devices.length > 1 ? (
        <Form method="post">
          <button className="danger" name="do" value="end-others">
            Sign out of all others
          </button>
        </Form>
      ) : (
        <p className="quiet">No other device is signed in.</p>
      )}
    </section>
  );
}
