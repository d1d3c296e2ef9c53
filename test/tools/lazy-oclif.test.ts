import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { makeLazy } from '../../tools/lazy-oclif.ts';

const SOURCE = `"use strict";
var __importDefault = (mod) => (mod && mod.__esModule) ? mod : { "default": mod };
const a_1 = __importDefault(require("a"));
const node_b_1 = require("node:b");
const log = [];
class C extends node_b_1.B {
    make() { return new a_1.default((0, node_b_1.f)(a_10)); }
}
const a_10 = 10;
`;

describe('making the requires of oclif lazy', () => {
  it('moves each to where its name is used, and touches nothing else', () => {
    assert.equal(
      makeLazy(SOURCE),
      `"use strict";
var __importDefault = (mod) => (mod && mod.__esModule) ? mod : { "default": mod };
const a_1 = () => __importDefault(require("a"));
const node_b_1 = () => require("node:b");
const log = [];
class C extends (node_b_1()).B {
    make() { return new (a_1()).default((0, (node_b_1()).f)(a_10)); }
}
const a_10 = 10;
`,
    );
  });

  it('still knows the form of what oclif publishes', () => {
    const path = createRequire(import.meta.url)
      .resolve('@oclif/core/config')
      .replace(/index\.js$/, 'config.js');
    const lazy = makeLazy(readFileSync(path, 'utf8'));
    assert.ok((lazy.match(/= \(\) => (__importDefault\()?require\("/g) ?? []).length > 10);
    assert.doesNotMatch(lazy, /^const \w+ = (__import\w+\()?require\(/m);
  });
});
