// Bytes and times as a person would say them; bytes as the pages' own filter writes them.
const SIZES = ["bytes", "kB", "MB", "GB", "TB"];

export function size(bytes) {
  let [amount, step] = [bytes, 0];
  while (amount >= 999.5 && step < SIZES.length - 1) [amount, step] = [amount / 1000, step + 1];
  if (step === 0) return count(amount, "byte", "bytes");
  return `${amount >= 99.95 ? amount.toFixed(0) : amount.toFixed(1)} ${SIZES[step]}`;
}

export const count = (number, one, many) => `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;

export function left(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 5) return "a few seconds left";
  if (seconds < 90) return `about ${count(Math.ceil(seconds / 5) * 5, "second", "seconds")} left`;
  if (seconds < 5400) return `about ${count(Math.round(seconds / 60), "minute", "minutes")} left`;
  return `about ${count(Math.round(seconds / 3600), "hour", "hours")} left`;
}
