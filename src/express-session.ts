import { Cookie } from "./express-session/cookie.ts";
import { MemoryStore } from "./express-session/memory-store.ts";
import { middlewareOf } from "./express-session/middleware.ts";
import { Session } from "./express-session/session.ts";
import { Store } from "./express-session/store.ts";

export { Cookie, MemoryStore, Session, Store };
function session(options: any): any {
  return middlewareOf(options ?? {});
}
Object.assign(session, { Store, Cookie, Session, MemoryStore });
Object.defineProperty(session, "default", { value: session });
export default session;
export { session as "module.exports" };
