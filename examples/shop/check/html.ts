/** HTML as a browser without JavaScript reads it: what is an element, what it says, and what its controls are called. */
import { type DefaultTreeAdapterTypes as Tree, parse } from "parse5";

export type Element = Tree.Element;
type Node = Tree.Node;

/** What pages hold for programs, not for people. */
const UNSEEN = new Set(["script", "style", "template"]);

export function documentOf(html: string): Node {
  // Without scripting, a browser shows what is in <noscript>.
  return parse(html, { scriptingEnabled: false });
}

/** All elements below a node that a selector such as `button`, `.notice` or `ul.devices` names, in the order of the page. */
export function elements(node: Node, selector: string): readonly Element[] {
  const [tag = "", className] = selector.split(".");
  return [...below(node)].filter(
    (element) =>
      (tag === "" || element.tagName === tag) &&
      (className === undefined || (attribute(element, "class") ?? "").split(/\s+/).includes(className)),
  );
}

function* below(node: Node): Generator<Element> {
  for (const child of childrenOf(node)) {
    if ("tagName" in child) yield child;
    yield* below(child);
  }
}

function childrenOf(node: Node): readonly Node[] {
  return "childNodes" in node ? node.childNodes : [];
}

export function attribute(element: Element, name: string): string | undefined {
  return element.attrs.find((each) => each.name === name)?.value;
}

export function has(element: Element, name: string): boolean {
  return attribute(element, name) !== undefined;
}

/** The nearest element around this one that has the tag. */
export function around(element: Element, tag: string): Element | undefined {
  let node: Tree.ParentNode | null = element.parentNode;
  while (node !== null && "tagName" in node) {
    if (node.tagName === tag) return node;
    node = node.parentNode;
  }
  return undefined;
}

/** What a person reads of a node, with single spaces. */
export function textOf(node: Node): string {
  return rawText(node).replace(/\s+/g, " ").trim();
}

function rawText(node: Node): string {
  if ("value" in node) return node.value;
  if ("tagName" in node && (UNSEEN.has(node.tagName) || has(node, "hidden"))) return "";
  return childrenOf(node).map(rawText).join("");
}

/** What the scripts that are written out in a page say. */
export function scriptsOf(document: Node): readonly string[] {
  return elements(document, "script").map((script) => childrenOf(script).map(rawText).join(""));
}

/** The name by which assistive technology, and a person, knows a button. */
export function buttonName(button: Element): string {
  const written = button.tagName === "input" ? attribute(button, "value") : textOf(button);
  return attribute(button, "aria-label") ?? written ?? "";
}

/** The label of an input: the one around it, or the one that names its id. */
export function labelOf(input: Element, document: Node): string {
  const id = attribute(input, "id");
  const label =
    around(input, "label") ??
    elements(document, "label").find((each) => id !== undefined && attribute(each, "for") === id);
  return attribute(input, "aria-label") ?? (label === undefined ? "" : textOf(label));
}
