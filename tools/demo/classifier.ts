/** A sentence classifier small enough to fit while one waits: the mean of word vectors, then one linear layer. */
export interface Classifier {
  readonly vocabulary: readonly string[];
  readonly width: number;
  /** vocabulary × width, by rows. */
  readonly embedding: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** A sentence, and whether it is praise. */
export interface Example {
  readonly text: string;
  readonly praise: boolean;
}

const SUBJECTS = ['the film', 'the soup', 'the hotel', 'this book', 'the concert', 'our guide', 'the service', 'the view'];
const VERBS = ['was', 'seemed', 'felt', 'is'];
const PRAISE = ['wonderful', 'delightful', 'superb', 'charming', 'brilliant', 'lovely', 'excellent', 'perfect'];
const BLAME = ['terrible', 'dreadful', 'boring', 'awful', 'dull', 'horrible', 'disappointing', 'poor'];
const DEGREES = ['', 'very ', 'really ', 'truly '];

/** Every sentence of a small language. */
export function sentences(): readonly Example[] {
  return SUBJECTS.flatMap((subject) =>
    VERBS.flatMap((verb) =>
      DEGREES.flatMap((degree) =>
        [PRAISE, BLAME].flatMap((words, list) =>
          words.map((word) => ({ text: `${subject} ${verb} ${degree}${word}`, praise: list === 0 })),
        ),
      ),
    ),
  );
}

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The same items in another order. */
export function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** Fits a classifier by stochastic gradient descent on the cross-entropy. */
export function train(examples: readonly Example[], { width, epochs, rate }: { width: number; epochs: number; rate: number }): Classifier {
  const random = seeded(1);
  const vocabulary = ['[UNK]', ...new Set(examples.flatMap(({ text }) => text.split(' ')))];
  const initial = (length: number) => Float32Array.from({ length }, () => (random() - 0.5) / 4);
  const model = { vocabulary, width, embedding: initial(vocabulary.length * width), weight: initial(width), bias: new Float32Array(1) };
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const { text, praise } of shuffled(examples, random)) step(model, tokens(model, text), praise ? 1 : 0, rate);
  }
  return model;
}

/** How likely a sentence is praise, from 0 to 1. */
export function praiseOf(model: Classifier, text: string): number {
  return probability(model, mean(model, tokens(model, text)));
}

/** The share of examples that a classifier gets right. */
export function accuracy(model: Classifier, examples: readonly Example[]): number {
  return examples.filter(({ text, praise }) => praiseOf(model, text) > 0.5 === praise).length / examples.length;
}

function step(model: Classifier, ids: readonly number[], label: number, rate: number): void {
  const { width, embedding, weight, bias } = model;
  const hidden = mean(model, ids);
  const slope = probability(model, hidden) - label;
  for (const id of ids) {
    for (let i = 0; i < width; i++) add(embedding, id * width + i, (-rate * slope * (weight[i] ?? 0)) / ids.length);
  }
  for (let i = 0; i < width; i++) add(weight, i, -rate * slope * (hidden[i] ?? 0));
  add(bias, 0, -rate * slope);
}

function tokens({ vocabulary }: Classifier, text: string): readonly number[] {
  return text.split(' ').map((word) => Math.max(0, vocabulary.indexOf(word)));
}

function mean({ width, embedding }: Classifier, ids: readonly number[]): Float32Array {
  const sum = new Float32Array(width);
  for (const id of ids) {
    for (let i = 0; i < width; i++) add(sum, i, (embedding[id * width + i] ?? 0) / ids.length);
  }
  return sum;
}

function probability({ weight, bias }: Classifier, hidden: Float32Array): number {
  const logit = hidden.reduce((sum, value, i) => sum + value * (weight[i] ?? 0), bias[0] ?? 0);
  return 1 / (1 + Math.exp(-logit));
}

function add(array: Float32Array, at: number, value: number): void {
  array[at] = (array[at] ?? 0) + value;
}
