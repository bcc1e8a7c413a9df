import { createHmac } from "node:crypto";
import { SECRET } from "./site.ts";

/** The value of the cookie for an id, as express-session signs it: `s:` + id + `.` + HMAC-SHA256 without padding, URI-encoded. */
export function signed(id: string, secret: string | Buffer = SECRET): string {
  const mac = createHmac("sha256", secret).update(id).digest("base64").replace(/=+$/, "");
  return encodeURIComponent(`s:${id}.${mac}`);
}

/** The whole `Cookie` header for an id. */
export function cookieOf(id: string, secret: string | Buffer = SECRET): string {
  return `connect.sid=${signed(id, secret)}`;
}
