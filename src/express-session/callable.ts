type Begin = (made: never, ...given: never[]) => void;

/**
 * A class that can be called upon an object as well: what inherits from it without `class` does that.
 *
 * @param begin what the constructor does.
 */
export function callable<Class extends { readonly prototype: object; readonly name: string }>(
  made: Class,
  begin: Begin,
): Class {
  const called = function called(this: never, ...given: never[]): void {
    begin(this, ...given);
  };
  called.prototype = made.prototype;
  Object.defineProperty(called, "name", { value: made.name });
  Object.defineProperty(made.prototype, "constructor", { value: called, writable: true, configurable: true });
  return called as unknown as Class;
}
