/** What is used of a SvelteKit event, 2 and 3 alike. */
export interface SvelteKitEvent {
  readonly request: Request;
  readonly url: URL;
  /** `App.Locals` of the application. */
  readonly locals: object;
  readonly platform?: object | undefined;
  /** SvelteKit's client asks for the data of a page. */
  readonly isDataRequest: boolean;
  /** The application asks itself, by `event.fetch`. */
  readonly isSubRequest: boolean;
  /** SvelteKit's client calls a remote function. Newer versions have them. */
  readonly isRemoteRequest?: boolean;
  getClientAddress(): string;
}

/** Who asks. */
export interface Client {
  readonly address: string | undefined;
  /** Nobody does: SvelteKit makes a page at build time. */
  readonly isBuild: boolean;
}

/** Who makes a request, as the platform's adapter for SvelteKit says. */
export function clientOf(event: SvelteKitEvent): Client {
  try {
    return { address: event.getClientAddress(), isBuild: false };
  } catch (error) {
    // Nothing else in an event tells; `building` of $app/environment is no module outside the application. Platforms that
    // know no address throw as well.
    const message = error instanceof Error ? error.message : "";
    return { address: undefined, isBuild: /\bduring prerendering\b/.test(message) };
  }
}

/** What keeps the platform alive after the response, under the names that adapters for SvelteKit have for it. */
export function platformOf(event: SvelteKitEvent): ((work: Promise<unknown>) => void) | undefined {
  const { ctx, context } = (event.platform ?? {}) as { readonly ctx?: Platform; readonly context?: Platform };
  const platform = ctx ?? context;
  return typeof platform?.waitUntil === "function" ? (work) => platform.waitUntil?.(work) : undefined;
}

interface Platform {
  waitUntil?(work: Promise<unknown>): void;
}
