import type { Clock } from "../core/clock.ts";
import { SessionError } from "../core/errors.ts";
import type { Call } from "../core/store.ts";

/** Does something at the stores within a time, whatever they do. @throws `ERR_SESSION_STORE_UNAVAILABLE` when it is over; what `work` throws. */
export function bounded<T>(clock: Clock, ms: number, work: (call: Call) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      const late = new SessionError("ERR_SESSION_STORE_UNAVAILABLE", `No answer within ${ms} ms.`);
      controller.abort(late);
      reject(late);
    });
    work({ signal: controller.signal }).then(resolve, reject).finally(cancel);
  });
}
