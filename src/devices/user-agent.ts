/** What a parser makes of a user agent. Whatever it does not know is `null`. */
export interface ParsedUserAgent {
  /** Such as `"Firefox"`. */
  readonly browser: string | null;
  /** Such as `"Linux"`. */
  readonly os: string | null;
  /** Such as `"desktop"`, `"mobile"` or `"tablet"`. */
  readonly kind: string | null;
}

/** What is known of the program that a session is used by. All of it is what that program says, so escape it where it goes into a page. */
export interface DeviceAgent extends ParsedUserAgent {
  /** The User-Agent itself, shortened. */
  readonly text: string | null;
}

/** Parses the text of a User-Agent header, which holds anything. One that throws has not recognised it. */
export type UserAgentParser = (userAgent: string) => Partial<ParsedUserAgent>;

/** What is used of the package `bowser`. */
export interface BowserLike {
  parse(userAgent: string): {
    readonly browser: { readonly name?: string };
    readonly os: { readonly name?: string };
    readonly platform: { readonly type?: string };
  };
}

/**
 * Makes a parser of the package `bowser`, for `devices(manager, { parseUserAgent: bowserParser(Bowser) })`.
 *
 * @param bowser what `import Bowser from "bowser"` gives.
 */
export function bowserParser(bowser: BowserLike): UserAgentParser {
  return (userAgent) => {
    const { browser, os, platform } = bowser.parse(userAgent);
    return { browser: browser.name ?? null, os: os.name ?? null, kind: platform.type ?? null };
  };
}

const MAX_TEXT_LENGTH = 80;
const MAX_NAME_LENGTH = 40;

/** What a page can say of a user agent. Never throws, whatever the client sent and the parser makes of it. */
export function agentOf(userAgent: string | null, parse: UserAgentParser | undefined): DeviceAgent {
  const { browser, os, kind } = parsed(userAgent, parse);
  return {
    browser: shortened(browser, MAX_NAME_LENGTH),
    os: shortened(os, MAX_NAME_LENGTH),
    kind: shortened(kind, MAX_NAME_LENGTH),
    text: shortened(userAgent, MAX_TEXT_LENGTH),
  };
}

function parsed(userAgent: string | null, parse: UserAgentParser | undefined): Partial<ParsedUserAgent> {
  if (userAgent === null || userAgent === "" || parse === undefined) return {};
  try {
    const made: unknown = parse(userAgent);
    return typeof made === "object" && made !== null ? made : {};
  } catch {
    return {};
  }
}

function shortened(text: unknown, length: number): string | null {
  if (typeof text !== "string") return null;
  const clean = text.replace(/[\p{C}\s]+/gu, " ").trim();
  if (clean === "") return null;
  return clean.length <= length ? clean : `${clean.slice(0, length - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
