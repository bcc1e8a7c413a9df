import { SessionManager } from "holdfast";
import { h3Sessions } from "holdfast/adapters/h3";
import { directoryStore } from "holdfast/stores/directory";

interface Data {
  visits: number;
  colour: string;
  inner: number;
  api: number;
  shown: number;
}

export const manager = new SessionManager<Data>({
  store: directoryStore(process.env["STORE"] ?? ".generated/store"),
});
export const sessions = h3Sessions(manager, { only: (event) => !event.path.startsWith("/_nuxt/") });
