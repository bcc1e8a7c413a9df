/** @ts-ignore -- there where the types of express-session itself are part of the program, which stores of others bring along */
type ForeignStore = Express.SessionStore;

/** `any` and `unknown` are what a name is that does not exist. */
type IfMissing<Type, Then, Else> = unknown extends Type ? Then : Else;

type Taken<Method> = Method extends (...taken: infer Taken) => unknown ? Taken : never;
type Given<Method> = Method extends (...taken: never[]) => infer Given ? Given : never;
type Member<Type, Name> = Name extends keyof Type ? Type[Name] : never;

/** `Session & SessionData`, and the latter by itself, as the methods of the store have them. */
type ForeignWhole = Given<Member<ForeignStore, "createSession">>;
type ForeignData = NonNullable<Taken<Taken<Member<ForeignStore, "load">>[1]>[1]>;

type ForeignSession = ForeignWhole extends (infer Bare) & ForeignData ? Bare & Partial<ForeignData> : never;

/** `request.session`: express-session's own type where that is there, since a property can be declared once alone. */
export type SessionOf<Session, Data> = IfMissing<ForeignStore, Session & Partial<Data>, ForeignSession>;

/** `request.sessionStore`, likewise. */
export type StoreOf<Store> = IfMissing<
  ForeignStore,
  Store & { generate: (req: Express.Request) => void },
  ForeignStore
>;
