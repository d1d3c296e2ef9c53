export { type FormatJudgement, judgeFormat, notExamined } from './format-rules.ts';
