declare global {
  /**
   * What gives `request.session` of Express a type: `manager` is there where `holdfast/adapters/express/types` is imported, `dropIn` where
   * `holdfast/express-session` is. A property can be declared once alone, so all declare it as {@link RequestSession}.
   */
  interface HoldfastRequestSessions {}
}

/** The type of `request.session`. Who asks for it by an import of types alone is heard first. */
export type RequestSession = HoldfastRequestSessions extends { readonly manager: infer Known }
  ? Known
  : HoldfastRequestSessions extends { readonly dropIn: infer Known }
    ? Known
    : never;
