import { say, type Talk } from './talk.ts'

export const TALKS_AT_HOME: Talk[] = [
  {
    by: 'mateo',
    hoursAgo: 4 * 24 + 1,
    model: 'gpt-4o-mini',
    title: 'Sunday pizza',
    turns: [
      {
        ask: 'Dough for three pizzas, for tomorrow evening. I have instant yeast and a normal oven.',
        reply: say`For three of about 260 g:

          - 480 g flour, strong if you have it
          - 310 g cold water
          - 10 g salt
          - 1 g instant yeast, a generous pinch

          Mix, wait half an hour, fold it a few times, and leave it covered in the fridge until tomorrow. Two hours before you
          eat, shape three balls and let them come to room temperature. Heat the oven as far as it goes, with the tray in it.`,
      },
      {
        ask: 'My daughter does not eat gluten. Can one of the three be made without?',
        reply: say`Better not as part of the same dough: mix hers apart, and first, while board and hands are clean. A bought
          gluten-free flour blend wants more water, about 85 % of its weight, and a spoon of psyllium. It cannot be stretched,
          so press it flat on baking paper with wet hands and bake it for five minutes before the topping goes on.`,
      },
    ],
  },
  {
    by: 'aiko',
    hoursAgo: 26 * 24,
    model: 'gpt-4o-mini',
    turns: [
      {
        ask: 'How would you translate 木漏れ日 into English?',
        reply: say`There is no single word for it. "Sunlight through leaves" says what it is; "dappled light" is what English
          writers mostly reach for, though it is about the pattern on the ground rather than the light on its way down. In
          a poem I would keep the movement: "light sifting through leaves".`,
      },
      {
        ask: 'And in French?',
        reply: say`Also a phrase: "la lumière qui filtre à travers les feuilles", or shorter "le soleil entre les feuilles".`,
      },
    ],
  },
  {
    by: 'aiko',
    hoursAgo: 19 * 24 + 4,
    model: 'gpt-4.1',
    title: 'Museum audio guide',
    turns: [
      {
        ask: say`I am translating an audio guide. The sentence is: "Hokusai was over seventy when he drew this wave, and he thought
          that he was just beginning." Does the English sound natural when it is spoken?`,
        reply: say`Yes, and the ending lands well. For the ear I would cut one "he": "Hokusai was past seventy when he drew this
          wave, and thought he was only just beginning." It can be said in one breath, and "only just" carries the smile.`,
      },
      {
        ask: 'He signed it as "the old man mad about painting". Where would you put that?',
        reply: say`After the wave, as its echo: "A few years later he would sign his work: the old man mad about painting." The
          listener has just looked at what such a person makes. It also keeps the dates right, since he took that name later
          than this print.`,
      },
      {
        ask: 'Please write the whole stop, 40 seconds.',
        reply: say`Look at the boats first. They are easy to miss: three of them, low in the water, with rowers bent flat over their
          oars. Then let your eye climb the wave, to where it breaks into claws. And now find the quietest thing in the
          picture, small and white in the middle: it is Mount Fuji. Hokusai was past seventy when he drew this wave, and
          thought he was only just`,
        end: 'length',
      },
    ],
  },
  {
    by: 'aiko',
    hoursAgo: 8 * 24 + 6,
    model: 'gpt-4o-mini',
    turns: [
      {
        ask: 'Give me a mnemonic for "stationery" and "stationary".',
        reply: say`Station**e**ry has the e of **e**nvelope. Station**a**ry has the a of p**a**rked.`,
      },
      {
        ask: 'Perfect. "Affect" and "effect"?',
        reply: say`**A**ffect is the **a**ction, **e**ffect is the **e**nd result. It leaves out a few rarer uses, such as "to effect a
          change", but it is right nine times out of ten.`,
      },
    ],
  },
  {
    by: 'aiko',
    hoursAgo: 30,
    model: 'gpt-4.1',
    turns: [
      {
        ask: 'Rewrite for a rental listing, 30 words: quiet flat, morning sun, third floor, no lift, near the river.',
        reply: say`A quiet flat on the third floor, with morning sun in the kitchen and the river around the corner. There is no lift:
          the stairs keep you young, and the traffic far below.`,
      },
    ],
  },
  {
    by: 'samir',
    hoursAgo: 20.5 * 24,
    model: 'gpt-4o-mini',
    title: 'Biology exam',
    turns: [
      {
        ask: 'Quiz me on the cell. One question at a time, please.',
        reply: 'With pleasure. First: which part of an animal cell makes most of its ATP?',
      },
      {
        ask: 'Mitochondria',
        reply: 'Right. Second: what do ribosomes do, and where in the cell do you find them?',
      },
      {
        ask: 'They make proteins, and they are in the nucleus',
        reply: say`The first half is right. The second not quite: their parts are made in the nucleus, but they work outside, free in
          the cytoplasm and on the rough endoplasmic reticulum. Third: which organelle packs proteins for their journey?`,
      },
      {
        ask: 'The Golgi apparatus!',
        reply: 'Exactly. That is two and a half out of three, before breakfast. Shall we go on with membranes?',
      },
    ],
  },
  {
    by: 'samir',
    hoursAgo: 14 * 24 + 9,
    model: 'gpt-4o-mini',
    turns: [
      {
        ask: 'My bike chain skips when I pedal hard, only on the smallest sprocket. What is worn?',
        reply: say`Most likely that sprocket: it has the fewest teeth, so each of them works the most. Measure the chain first, with a
          gauge or a ruler. If twelve links are clearly longer than 12 inches, chain and cassette have worn together and
          are best changed together. If the chain is fine, check that the cable lets the derailleur reach the outermost place.`,
      },
    ],
  },
  {
    by: 'samir',
    hoursAgo: 6 * 24 + 2,
    model: 'gpt-4o-mini',
    title: 'Cover letter',
    turns: [
      {
        ask: 'I want to apply for a job in a library. I have never worked in one, but I tutored younger pupils for two years.',
        reply: say`Then you have done half of that job already: you sat beside somebody until they found what they were looking for. I
          would begin the letter there, with one real afternoon of it, and only then say that you have not worked in a library.
          Which pupil comes to your mind first?`,
      },
      {
        ask: 'A boy who hated reading and loved football.',
        reply: say`"In my second year as a tutor I met a boy who loved football and hated books. So we read match reports, then a
          biography of a goalkeeper, then he asked whether there were any more. I did not teach him to like reading; I found the
          right shelf. I would like to do that`,
        end: 'interrupted',
      },
      {
        ask: 'Did you stop? I like it. Please finish the paragraph.',
        reply: say`"… I would like to do that for a living, and I would like to learn from you how it is done with ten thousand
          books instead of ten."`,
      },
    ],
  },
  {
    by: 'samir',
    hoursAgo: 20,
    model: 'parley-offline',
    turns: [{ ask: 'count to 20', reply: Array.from({ length: 20 }, (_, at) => at + 1).join(' ') }],
  },
  {
    by: 'wren',
    hoursAgo: 15 * 24,
    model: 'gpt-4o-mini',
    turns: [
      {
        ask: 'Which herbs survive on a north-facing windowsill?',
        reply: say`Those that grow under trees in the wild: mint, parsley, chives, lemon balm and sorrel. Basil, thyme and rosemary
          will stretch for the light and sulk. Turn the pots once a week, and water less than you would in the sun.`,
      },
      {
        ask: 'Mint it is. How do I keep it from taking over?',
        reply:
          'Give it a pot of its own and cut it often, always just above a pair of leaves. It will thank you by getting denser.',
      },
    ],
  },
  {
    by: 'wren',
    hoursAgo: 9 * 24 + 11,
    model: 'gpt-4o-mini',
    title: 'Names for the cat',
    turns: [
      {
        ask: 'A grey cat moved in with us. She is shy but has opinions. Names?',
        reply: say`- Ash, if you like it short
          - Duchess, for the opinions
          - Fog, for how she enters a room
          - Pepper, which suits both halves of her`,
      },
      {
        ask: 'Fog! Now write her a tiny welcome poem, and a long ballad about',
        reply: say`Fog came in on quiet feet,

          chose the chair, and kept the seat.`,
        end: 'cancelled',
      },
    ],
  },
  {
    by: 'wren',
    hoursAgo: 2.4,
    model: 'gpt-4o-mini',
    turns: [
      {
        ask: 'Is it worth repotting mint in autumn?',
        reply: say`If its roots come out at the bottom, yes: one size up, fresh soil, and cut it back by half. Otherwise let it rest and
          do it in March, when it wants to grow anyway.`,
      },
    ],
  },
  {
    by: 'priya',
    hoursAgo: 31,
    model: 'parley-offline',
    turns: [{ ask: 'count to 5', reply: '1 2 3 4 5' }],
  },
  {
    by: 'priya',
    hoursAgo: 1.6,
    model: 'gpt-4o-mini',
    turns: [
      { ask: 'What can I ask you for?', reply: '', end: 'upstream_error' },
      {
        ask: 'Plan me three evening walks in a city that I have just moved to and do not know yet.',
        reply: say`1. **The water.** Find the nearest river, canal or pond on a map and follow it for half an hour, then go home by another
             way. You will know one line through the city.
          2. **The height.** Walk to whatever stands above the roofs and look for your own street.
          3. **The bread.** Ask a neighbour which bakery they would miss, and walk there before it closes.

          After these three you will have a line, a map and a sentence to begin a conversation with.`,
      },
    ],
  },
]
