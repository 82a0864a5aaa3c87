import { say, type Talk } from './talk.ts'

export const TALKS_AT_WORK: Talk[] = [
  {
    by: 'nora',
    hoursAgo: 29.5 * 24,
    model: 'parley-offline',
    title: 'First steps',
    turns: [{ ask: 'count to 12', reply: '1 2 3 4 5 6 7 8 9 10 11 12' }],
  },
  {
    by: 'nora',
    hoursAgo: 12 * 24 + 5,
    model: 'o3',
    title: 'Agenda for the spring review',
    turns: [
      {
        ask: say`I have 90 minutes with six people to look back on the spring. Two of them will want to talk only about the
          migration. Can you draft an agenda that gives it room, but not all of it?`,
        reply: say`Give the migration a place of its own, early, with an end that everybody can see:

          - 0:00 Arrive. One sentence each: what surprised you this spring?
          - 0:10 The migration: 25 minutes, three questions written down beforehand. What is open at the end goes to a
            follow-up with the people who need it.
          - 0:35 What went well, on paper first, then read aloud.
          - 0:55 What we would do differently. Each picks two points from the wall.
          - 1:15 Two decisions, with a name and a date behind each.
          - 1:25 Close.

          Ask the two of them for the three questions: whoever writes the frame rarely breaks it.`,
      },
      {
        ask: 'Nice. Shorten the part "what went well" and add ten minutes of break.',
        reply: say`- 0:35 What went well: 10 minutes, aloud, no paper.
          - 0:45 Break.
          - 0:55 and everything after it stays as it was.

          The break now comes right after the migration has cooled down, which is where you will want it.`,
      },
    ],
  },
  {
    by: 'nora',
    hoursAgo: 26,
    model: 'gpt-4.1',
    turns: [
      {
        ask: 'Write a two-line notice: on Thursday from 18:00 to 18:30 the service may be slow, nothing will be lost.',
        reply: say`On Thursday from 18:00 to 18:30 we are moving to larger machines, and answers may take longer than usual.
          Nothing is lost: whatever you send in that time arrives, and whatever was being written is finished.`,
      },
      {
        ask: 'Now the same in Swedish.',
        reply: say`På torsdag mellan 18.00 och 18.30 flyttar vi till större maskiner, och svaren kan dröja längre än vanligt.
          Inget går förlorat: allt du skickar under tiden kommer fram, och det som höll på att skrivas blir klart.`,
      },
    ],
  },
  {
    by: 'mateo',
    hoursAgo: 28 * 24,
    model: 'gpt-4o-mini',
    turns: [
      {
        ask: 'Why does `[] == false` give true in JavaScript, when an empty array is truthy?',
        reply: say`Because \`==\` never asks whether something is truthy: it converts until it can compare.

          1. \`false\` becomes the number 0.
          2. The array becomes a primitive: \`[].toString()\` is the empty text.
          3. The empty text becomes the number 0, and 0 equals 0.

          An \`if\` asks a different question, and there every object counts as true. With \`===\` nothing is converted, so
          the puzzle does not come up.`,
      },
      {
        ask: 'So what is `[] + {}`?',
        reply: say`The text "[object Object]". Both sides become texts: the array gives the empty one, the object gives
          "[object Object]", and \`+\` joins them.`,
      },
    ],
  },
  {
    by: 'mateo',
    hoursAgo: 15 * 24 + 3,
    model: 'gpt-4.1',
    title: 'Keyset pagination',
    turns: [
      {
        ask: say`My list endpoint uses OFFSET and gets slow around page 400. What does keyset pagination look like for a list
          that is ordered by updated_at, newest first?`,
        reply: say`Instead of telling the database how many rows to skip, tell it where you were. As \`updated_at\` is not
          unique, take the id along as a second key:

          \`SELECT … WHERE user_id = ? AND (updated_at, id) < (?, ?) ORDER BY updated_at DESC, id DESC LIMIT 20\`

          With an index on \`(user_id, updated_at, id)\` each page reads about twenty rows, whether it is the first or the
          four-hundredth. The price: there is no jumping to page 37, and a row that is updated while somebody pages moves
          to the front.`,
      },
      {
        ask: 'What should the cursor look like for clients?',
        reply: say`Opaque. Encode the two values, say as base64url of a small JSON array, and promise nothing about it but
          that it leads to the next page. Then you may change the order later without breaking anybody. Do check it when it
          comes back: it is input like any other.`,
      },
      {
        ask: 'And when the row behind the cursor was deleted in the meantime?',
        reply: say`Nothing happens: the cursor is a place between rows, not a row. The comparison works just as well with values
          that belong to nobody any more.`,
      },
    ],
  },
  {
    by: 'mateo',
    hoursAgo: 5.5,
    model: 'gpt-4.1',
    turns: [
      {
        ask: 'Explain what a hibernating WebSocket is, in three sentences.',
        reply: say`The runtime keeps the connection to the client open while the code that serves it is put away. When a message
          comes, the code is loaded again, gets the socket and whatever small note it had attached to it, and goes on. So ten
          thousand quiet clients cost next to nothing, as long as nobody`,
        end: 'upstream_stalled',
      },
      {
        ask: 'You broke off. The last sentence again, please.',
        reply: say`So ten thousand quiet clients cost next to nothing, as long as nothing of what you need to remember lives in
          memory alone.`,
      },
    ],
  },
  {
    by: 'lucia',
    hoursAgo: 24 * 24,
    model: 'gpt-4.1',
    title: 'Launch mail',
    turns: [
      {
        ask: 'Three subject lines for the launch of our ceramics workshops. Warm, no exclamation marks.',
        reply: say`1. There is a wheel with your name on it
          2. Saturday mornings, clay up to the elbows
          3. Come and make the bowl that you keep looking for`,
      },
      {
        ask: 'The second one. Now a first paragraph for it, under 60 words.',
        reply: say`From March on our studio opens on Saturdays at ten. You bring old clothes and two hours; we bring clay, eight
          wheels and a teacher who has seen every kind of wobbly bowl and loves them all. What you make is fired, glazed, and
          yours three weeks later.`,
      },
    ],
  },
  {
    by: 'lucia',
    hoursAgo: 13 * 24,
    model: 'o3',
    title: 'Kiln costs',
    turns: [
      {
        ask: say`Our kiln draws 7.2 kW. A glaze firing takes 9 hours, and about 60 % of that time it really heats. At 0.31 € per
          kWh, what does one firing cost, and what per bowl if 45 fit in?`,
        reply: say`It heats for 9 h × 0.6 = 5.4 h, which takes 7.2 kW × 5.4 h = 38.88 kWh.

          - One firing: 38.88 kWh × 0.31 € ≈ 12.05 €
          - One of 45 bowls: about 0.27 €

          The 60 % matter most here: at 70 % it would be 14.06 € a firing. A meter between wall and kiln, for two or three
          firings, would tell you.`,
      },
      {
        ask: 'And if we only fire when it is full, but the night tariff is 0.22 €?',
        reply: say`At night a full firing costs 38.88 kWh × 0.22 € ≈ 8.55 €, about 0.19 € per bowl. Compared with today that is
          3.50 € less each time. With two firings a week: some 364 € a year.`,
      },
    ],
  },
  {
    by: 'lucia',
    hoursAgo: 7 * 24 + 2,
    model: 'o3',
    turns: [
      {
        ask: 'Look through our price list and tell me which workshop earns the least per hour.',
        reply: '',
        end: 'upstream_timeout',
      },
      {
        ask: 'Again: raku 4 h at 95 €, wheel 2 h at 42 €, children 1.5 h at 24 €, glazing 3 h at 60 €. Least per hour?',
        reply: say`Per hour and person: raku 23.75 €, wheel 21.00 €, glazing 20.00 €, children 16.00 €. So it is the children's
          one. It may still be the best hour of your week: it brings parents, and it uses little clay.`,
      },
    ],
  },
  {
    by: 'lucia',
    hoursAgo: 3.2,
    model: 'gpt-4o-mini',
    turns: [
      {
        ask: 'Answer this kindly: "My bowl cracked in the kiln. I would like my money back."',
        reply: say`Dear Teo, I am sorry about your bowl. A crack in the kiln happens to all of us, mostly where the wall meets the
          floor, and it is nobody's fault, but that does not fill the place on your shelf. Two things I can offer: a new
          morning at the wheel, this one on us, or your money back. Write to me which you would like better.`,
      },
    ],
  },
  {
    by: 'jonas',
    hoursAgo: 25.5 * 24,
    model: 'gpt-4o-mini',
    turns: [
      {
        ask: 'List ten ideas for a newsletter about trains.',
        reply: say`1. The last night sleeper of the week: who is on it, and why?
          2. A station that nobody gets off at
          3. How a timetable is made
          4. Train`,
        end: 'cancelled',
      },
      {
        ask: 'Five are enough, one line each.',
        reply: say`1. The people of the last night sleeper
          2. A station where nobody gets off
          3. How a timetable is made, and who fights over the minutes
          4. The best window seats of the continent
          5. Sounds: a country by the chimes of its platforms`,
      },
    ],
  },
  {
    by: 'jonas',
    hoursAgo: 18 * 24 + 7,
    model: 'gpt-4o-mini',
    turns: [
      { ask: 'Which gauge do Spanish high-speed lines have?', reply: '', end: 'upstream_busy' },
      {
        ask: 'Which gauge do Spanish high-speed lines have?',
        reply: say`Standard gauge, 1,435 mm, unlike most older lines in Spain, which have the Iberian gauge of 1,668 mm. Some trains
          change between the two while they roll slowly through a gauge changer.`,
      },
    ],
  },
  {
    by: 'jonas',
    hoursAgo: 10 * 24,
    model: 'parley-offline',
    turns: [{ ask: 'count to 30', reply: Array.from({ length: 30 }, (_, at) => at + 1).join(' ') }],
  },
]
