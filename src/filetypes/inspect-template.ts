import type { InspectionPlace } from './inspection-notes.ts';

/**
 * What leads out of a template to Python: names with two underscores however they are spelt, filters that take any attribute,
 * other files. transformers and llama.cpp run templates in a sandbox, others do not.
 */
const REACHES_OUT =
  /__[A-Za-z]+__|\\(?:x5f|u005f|137)|\|\s*attr\b|\{%[-+]?\s*(?:import|from|include|extends)\b|\b(?:subclasses|mro|popen|builtins|globals)\b|\bself\s*\.|\blipsum\b|\bcycler\b|\bjoiner\b/i;

/** Notes a Jinja template, and whether it reaches for more than the conversation that it is given. */
export function noteTemplate(text: string, name: string, { where, notes }: InspectionPlace): void {
  const at = [where, name].filter((part) => part !== '').join('/');
  const [found] = REACHES_OUT.exec(text) ?? [];
  if (found === undefined) notes.part('template', at, 'a template, which the tokenizer runs in a sandbox', false);
  else notes.part('template', at, `the template reaches out of its sandbox: ${JSON.stringify(found.slice(0, 40))}`);
}
