import { SessionError } from "./errors.ts";

const MENDS: Readonly<Record<string, string>> = {
  user: "Call login(user), or logout().",
  data: "Assign field by field, as in session.data.cart = [].",
  id: "Call rotate() for a new secret; the id stays.",
  flash: "Call flash(kind, message) to add a message, and flash(kind) to take them.",
};

/**
 * Has assignments to an object of this very class throw where they would be lost: other session libraries keep what is
 * put on the session itself, and code without `"use strict"` would not notice. Costs nothing where nobody assigns: what
 * an object has is found before the end of its prototypes. Objects of a subclass may have properties of their own.
 */
export function refuseLostAssignments(prototype: object): void {
  for (const [name, described] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (name === "constructor" || described.set !== undefined) continue;
    const { get = () => described.value as unknown } = described;
    Object.defineProperty(prototype, name, {
      get,
      set() {
        refuseTaken(name);
      },
      enumerable: false,
      configurable: true,
    });
  }
  Object.setPrototypeOf(prototype, new Proxy({}, { set: refuseUnknown(prototype) }));
}

/** What is set on an object comes here last, when neither it nor its classes have the property. */
function refuseUnknown(prototype: object): Required<ProxyHandler<object>>["set"] {
  return (_end, name, value, receiver: object) => {
    if (typeof name === "string" && Object.getPrototypeOf(receiver) === prototype) refuseLost(name);
    return Reflect.defineProperty(receiver, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  };
}

function refuseTaken(name: string): never {
  throw new SessionError(
    "ERR_SESSION_USE",
    `session.${name} cannot be assigned: it belongs to the session. ${MENDS[name] ?? `A field of this name is session.data.${name}.`}`,
  );
}

function refuseLost(name: string): never {
  const shown = JSON.stringify(name.slice(0, 128));
  throw new SessionError(
    "ERR_SESSION_USE",
    `${shown} was put on the session itself, where it would be lost. Fields are in session.data; properties for the length of a request need a sessionClass of your own.`,
  );
}
