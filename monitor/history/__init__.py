"""The monitor's memory: a year opens as fast as an hour.

Layout, all in the store's one SQLite file, all by journal (device and epoch):
  tail       a row a record, as it is committed: what survives `kill -9`
  chunks     up to 768 records of the tail, packed: columns of scaled integers, their differences, zlib.
             Times, numbers and measured values are kept exactly; a score to 0.001 (downwards, so that what
             is below the threshold stays there), `expected` to a tenth of the channel's resolution and
             `spread` to a hundredth. Sentences and other words: a table of the different ones.
  summaries  a pyramid over what is packed, a row a minute, a quarter of an hour and four hours: lowest,
             highest and mean value, expected and spread, highest score, states and qualities that occur,
             which sixteenths of the time hold a record. Rows fold in any order, 480 of them a page.
Late records and repeats: the ledger says what is had, the tail takes the rest in any order, and chunks may
overlap. Moved by a better clock: chunks are packed again, and the summaries under them are made again.
Retention: first chunks go, by age and when the file is full, then the summaries, the finest first.
Reading: few records as they are; more from the coarsest summary that has a row for every point; the tail
is summed up in passing. A gap is a row of nulls. One transaction commits records, ledger and pyramid.
"""
