import { askHarbourMaster } from "$shop/tides.ts";
import type { PageServerLoad } from "./$types";

export const load: PageServerLoad = ({ locals: { session } }) => {
  // Saved before the page begins to leave.
  session.increment("tides");
  return { table: tideTable(session) };
};

/** What is streamed after the page. It may read the session, and change it no more. */
async function tideTable(session: App.Locals["session"]) {
  const waters = await askHarbourMaster();
  return { waters, writtenFor: session.user ?? "a visitor" };
}
