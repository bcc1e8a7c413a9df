/** Forms, sent as a browser without JavaScript sends them (HTML standard, "form submission algorithm"). */
import { around, attribute, type documentOf, type Element, elements, has, labelOf } from "./html.ts";

/** What goes to the server. */
export interface Sent {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly body?: URLSearchParams | FormData;
  /** The page that it is sent from. */
  readonly from: string;
}

interface Pressed {
  readonly document: ReturnType<typeof documentOf>;
  readonly url: string;
  readonly button: Element;
  /** What is typed into the inputs, by their labels. */
  readonly fill: Readonly<Record<string, string>>;
}

type Entry = readonly [name: string, value: string];

/** Kinds of input that send nothing of their own, unless they are what was pressed. */
const BUTTONS = new Set(["submit", "button", "reset", "image", "file"]);

export function submission({ document, url, button, fill }: Pressed): Sent {
  const form = formOf(button, document);
  if (form === undefined)
    throw new Error(`The button on ${url} is in no form: without JavaScript it does nothing.`);
  const setting = (name: string): string => attribute(button, `form${name}`) || attribute(form, name) || "";
  const entries = entriesOf({ document, form, button, fill });
  const target = new URL(setting("action") || url, url);
  if (setting("method").toLowerCase() !== "post") {
    target.search = new URLSearchParams(pairs(entries)).toString();
    return { url: target.href, method: "GET", from: url };
  }
  const isMultipart = setting("enctype").toLowerCase() === "multipart/form-data";
  const body = isMultipart ? multipart(entries) : new URLSearchParams(pairs(entries));
  return { url: target.href, method: "POST", body, from: url };
}

/** The form that a control belongs to: the one whose id it names, or the one around it. */
function formOf(control: Element, document: Pressed["document"]): Element | undefined {
  const id = attribute(control, "form");
  if (id === undefined) return around(control, "form");
  return elements(document, "form").find((form) => attribute(form, "id") === id);
}

function entriesOf({
  document,
  form,
  button,
  fill,
}: Omit<Pressed, "url"> & { readonly form: Element }): readonly Entry[] {
  const typed = new Set<string>();
  const entries = elements(document, "").flatMap((control): Entry[] => {
    const name = attribute(control, "name");
    if (name === undefined || name === "" || has(control, "disabled")) return [];
    if (formOf(control, document) !== form) return [];
    if (control === button) return [[name, attribute(control, "value") ?? ""]];
    if (control.tagName !== "input") return [];
    const label = labelOf(control, document);
    if (Object.hasOwn(fill, label)) {
      typed.add(label);
      return [[name, fill[label] ?? ""]];
    }
    return sends(control) ? [[name, attribute(control, "value") ?? ""]] : [];
  });
  const lost = Object.keys(fill).find((label) => !typed.has(label));
  if (lost !== undefined) throw new Error(`The form has no input labelled “${lost}”.`);
  return entries;
}

function sends(input: Element): boolean {
  const type = (attribute(input, "type") ?? "text").toLowerCase();
  if (type === "checkbox" || type === "radio") return has(input, "checked");
  return !BUTTONS.has(type);
}

function pairs(entries: readonly Entry[]): string[][] {
  return entries.map(([name, value]) => [name, value]);
}

function multipart(entries: readonly Entry[]): FormData {
  const form = new FormData();
  for (const [name, value] of entries) form.append(name, value);
  return form;
}
