export { type FormatJudgement, judgeFormat, notExamined } from './format-rules.ts';
export { judgeSummary, type SummaryQuestion } from './judge-summary.ts';
