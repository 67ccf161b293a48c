"""A strict stand-in for PagerDuty: its Events API v2, its REST API as far as Casino uses it, and a page of incidents.

It refuses what PagerDuty documents that it refuses, forgets what PagerDuty drops, pages people by level and time, and
fails on command. It keeps everything in memory, and never calls anybody.

`event` judges what is sent, `desk` turns events into alerts and incidents, `account` holds who is told and when,
`timeline` remembers what happened, `faults` and `wire` spoil answers; `events_api`, `rest`, `control` and `page` are
its doors.
"""
