import { askHarbourMaster } from "../../../shop/tides.ts";

/** What the tide table waits for, and whom it is for by then. */
export default defineEventHandler(async (event) => {
  const waters = await askHarbourMaster();
  return { waters, user: event.context.session.user };
});
