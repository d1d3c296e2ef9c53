export { type ModelAttestation, parseAttestation } from './attestation-statement.ts';
export { type FormatJudgement, judgeFormat, notExamined } from './format-rules.ts';
export {
  type AttestationsJudgement,
  type DroppedAttestation,
  type JudgedAttestation,
  judgeAttestations,
  type RequiredAttestation,
  type VerifiedAttestation,
} from './judge-attestations.ts';
export { isSummarized, judgeSummary, type SummarizedSignature, type SummaryQuestion } from './judge-summary.ts';
