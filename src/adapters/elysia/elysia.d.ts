/**
 * The names of Elysia's types that this adapter's own are made of: Elysia infers a context by its own class alone. What they
 * are is said by the user's Elysia; nothing of it is imported at run time.
 */
declare module "elysia" {
  class Elysia<
    BasePath extends string = "",
    Singleton = unknown,
    Definitions = unknown,
    Metadata = unknown,
    Routes = {},
    Ephemeral = unknown,
    Volatile = unknown,
  > {
    readonly "~Prefix": BasePath;
    readonly "~Singleton": Singleton;
    readonly "~Definitions": Definitions;
    readonly "~Metadata": Metadata;
    readonly "~Routes": Routes;
    readonly "~Ephemeral": Ephemeral;
    readonly "~Volatile": Volatile;
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- as Elysia has it
  type AnyElysia = Elysia<any, any, any, any, any, any, any>;
}
