import { Violation } from './violation.ts';

/** An element: its name, and its text or its children. */
export type XmlNode = readonly [name: string, content: string | number | boolean | readonly (XmlNode | undefined)[]];

/** A document as S3 writes it. */
export function renderXml([name, content]: XmlNode): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${renderContent(content)}</${name}>`;
}

/** An error as S3 writes it: without a namespace. */
export function renderError(fields: readonly XmlNode[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${renderContent(fields)}</Error>`;
}

function renderContent(content: XmlNode[1]): string {
  if (typeof content !== 'object') return escapeXml(String(content));
  return content.map((node) => (node === undefined ? '' : `<${node[0]}>${renderContent(node[1])}</${node[0]}>`)).join('');
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"\x00-\x1f]/g, (character) => {
    const named: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
    return named[character] ?? `&#x${character.charCodeAt(0).toString(16)};`;
  });
}

/** An element that was read. */
export interface XmlElement {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

/** Reads the body of a request: elements and text, and nothing else that XML has. */
export function parseXml(source: string, root: string): XmlElement {
  const body = source.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\s*/, '');
  const tokens = body.matchAll(/<(\/?)([A-Za-z0-9]+)((?: xmlns="[^"]*")?)(\/?)>|([^<]+)/gy);
  const document: Draft = { name: '', text: '', children: [] };
  const open = [document];
  let end = 0;
  for (const [whole, closing, name = '', , empty, text] of tokens) {
    end += whole.length;
    const current = open.at(-1) ?? document;
    if (text !== undefined) current.text += unescapeXml(text);
    else if (closing === '/') {
      if (current.name !== name) throw new Violation(`XML that is not well-formed: ${source}`);
      open.pop();
    } else {
      const element: Draft = { name, text: '', children: [] };
      current.children.push(element);
      if (empty !== '/') open.push(element);
    }
  }
  const [element] = document.children;
  if (end !== body.length || open.length !== 1 || element?.name !== root) throw new Violation(`not a ${root}: ${source}`);
  return element;
}

interface Draft {
  readonly name: string;
  text: string;
  readonly children: Draft[];
}

/** The children of an element by their names, of which each may stand there once. */
export function fieldsOf(element: XmlElement, known: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const { name, text, children } of element.children) {
    if (!known.includes(name) || children.length > 0 || fields.has(name)) throw new Violation(`<${name}> in <${element.name}>`);
    fields.set(name, text);
  }
  return fields;
}

function unescapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|([a-z]+));/g, (whole, hex, decimal, name) => {
    if (name !== undefined) return named[name] ?? whole;
    return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
  });
}
