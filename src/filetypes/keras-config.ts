import { isJsonObject, type JsonValue } from '../core/index.ts';
import type { InspectionPlace } from './inspection-notes.ts';

/** Modules whose classes are layers, activations, losses and the like; `utils` and `saving` have functions that fetch and load. */
const KERAS_MODULES =
  /^(?:keras|tf_keras|keras_hub|keras_nlp|keras_cv|tensorflow\.keras|tensorflow\.python\.keras)(?:\.(?!utils\b|saving\b|src\.utils\b|src\.saving\b)\w+)*$/;
const BUILTINS = new Set(['function', 'dict', 'list', 'tuple', 'str', 'int', 'float', 'bool', 'slice', 'NoneType', 'ellipsis']);

/**
 * Notes an object of a Keras configuration that makes its loader run code: a Lambda layer (marshalled bytecode), a serialized
 * lambda, a class of a module other than Keras itself, a class that a program has registered.
 */
export function noteKerasObject(object: { readonly [key: string]: JsonValue }, { where, notes }: InspectionPlace): void {
  const { class_name: className, module, registered_name: registered, config } = object;
  if (typeof className !== 'string') return;
  if (className === 'Lambda' || className.endsWith('>Lambda')) notes.part('keras', where, 'a Lambda layer holds Python bytecode');
  else if (className === '__lambda__') notes.part('keras', where, 'a serialized function holds Python bytecode');
  else if (typeof module === 'string' && !isHarmless(module, className)) {
    notes.part('keras', where, `it makes an object of the module ${JSON.stringify(module.slice(0, 100))}`);
  } else if (typeof registered === 'string' && registered.includes('>')) {
    notes.part('keras', where, `it needs the registered class ${JSON.stringify(registered.slice(0, 100))}`, false);
  } else if (className === 'TorchModuleWrapper' && isJsonObject(config)) {
    notes.part('keras', where, 'a TorchModuleWrapper holds a pickled PyTorch module');
  }
}

function isHarmless(module: string, className: string): boolean {
  return module === 'builtins' ? BUILTINS.has(className) : KERAS_MODULES.test(module);
}
