// Stands in for zod's forty translations of its messages, of which nothing here speaks any (scripts/bundle/build.ts).
