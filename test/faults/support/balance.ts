import { type Reply, seenIn } from "../../races/support/http-client.ts";
import type { Cluster } from "../../races/support/http-cluster.ts";
import type { Seen } from "../../races/support/http-app.ts";
import { until } from "../../support/servers/server-process.ts";
import type { Guest } from "./guests.ts";
import type { Load } from "./load.ts";

/**
 * Everything that is wrong after an outage: what was acknowledged and is not there, or there twice; who was logged out
 * by it, or not although told so; whose list of sessions lies. Settles first what nobody knows.
 */
export async function imbalances(cluster: Cluster, load: Load): Promise<string[]> {
  const complaints = await accounts(cluster, load);
  await settle(load);
  const opening = new Map<Guest, boolean>();
  for (const guest of load.guests.all) opening.set(guest, await opens(cluster, guest));
  for (const [guest, open] of opening) {
    if (open === (guest.life === "open")) continue;
    complaints.push(`${guest.user}: ${guest.id} is ${guest.life} and ${open ? "opens" : "does not open"}`);
  }
  for (const user of load.guests.users) {
    const open = load.guests.of(user).filter((guest) => opening.get(guest) === true);
    const ids = new Set(open.map(({ id }) => id));
    const listed = await sessionsOf(cluster, user);
    complaints.push(...load.guests.differences(user, listed, ids));
  }
  return [...complaints, ...(await disorder(cluster, load))];
}

/** What was wrong with single answers, and with the processes. */
export async function disorder(cluster: Cluster, load: Load): Promise<string[]> {
  const complaints = [...load.complaints, ...cluster.crashes.map((crash) => `crashed: ${crash}`)];
  const happened = await cluster.happened();
  for (const name of ["loose", "corrupt", "theft", "listenerFailure"])
    if ((happened[name] ?? 0) > 0) complaints.push(`${happened[name]} times ${name}`);
  return complaints;
}

/** Every process has to show each account as its books have it, by the cookie that it always had. */
async function accounts(cluster: Cluster, load: Load): Promise<string[]> {
  const complaints: string[] = [];
  for (const { user, id, cookie, books } of load.accounts) {
    for (const server of cluster.servers) {
      const seen = await looked(() => server.request("node", "verb=look", { cookie }));
      if (seen.user !== user || seen.id !== id) complaints.push(`${user} was logged out`);
      else complaints.push(...books.differences(seen.data).map((text) => `${user}: ${text}`));
    }
    const listed = await sessionsOf(cluster, user);
    if (listed.join() !== id) complaints.push(`${user} has the sessions ${listed.join()}, not ${id}`);
  }
  return complaints;
}

/** Says again what was said without an answer, until it is answered. */
async function settle(load: Load): Promise<void> {
  for (const guest of load.guests.all) {
    if (guest.life !== "unknown") continue;
    if (guest.user.includes("revoked"))
      await until(`${guest.user} is revoked`, () => load.revoke(guest.user));
    else await until(`${guest.user} is logged out`, () => load.logOut(guest));
  }
}

/** Whether any cookie that the guest ever had opens anything. */
async function opens(cluster: Cluster, { browser, id }: Guest): Promise<boolean> {
  for (const cookie of browser.tokens) {
    const seen = await looked(() => cluster.at(0).request("node", "verb=look", { cookie }));
    if (seen.id === id) return true;
  }
  return false;
}

async function sessionsOf(cluster: Cluster, user: string): Promise<readonly string[]> {
  let listed: readonly string[] | null = null;
  await until(`the sessions of ${user} are listed`, async () => {
    listed = await cluster
      .at(1)
      .order("sessionsOf", user)
      .catch(() => null);
    return listed !== null;
  });
  return listed ?? [];
}

async function looked(request: () => Promise<Reply>): Promise<Seen> {
  let reply: Reply | null = null;
  await until("a request that only looks is answered", async () => {
    reply = await request();
    return reply.status === 200;
  });
  return await seenIn(reply as unknown as Reply);
}
