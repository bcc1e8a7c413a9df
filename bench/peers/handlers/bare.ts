import { type Handlers, nameOf, nextUser, nextValue, partsOf, turn } from "./handlers.ts";

/** The same answers without any session: the denominator of every ratio. */
export function bareHandlers(): Handlers<unknown> {
  const parts = partsOf(200, 1);
  let total = 0;
  return {
    anonymous: () => "hello",
    read: () => nameOf(parts["part0"]),
    write: () => String(nextValue()),
    login: () => nextUser(),
    async count() {
      await turn();
      total += 1;
      return String(total);
    },
    total: () => String(total),
    prepare: () => "prepared",
  };
}
