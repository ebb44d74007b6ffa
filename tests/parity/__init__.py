"""Byte-compares ric with the official client: both run the same functions against the same scripted Runtime API.

``python -m tests.parity`` prints a line for each case. Who owns what:

* ``model.py``       what a case, a group of cases and an observation are;
* ``cases_*.py``     the cases (data), ``functions/`` the handlers they call, one directory for each group;
* ``server.py``      the scripted Runtime API;
* ``process_run.py``  one process and what was observed of it, cut into segments;
* ``client_run.py``  one run of one client: its environment, and what it left, normalised;
* ``normalise.py``   what is made equal before comparing, because it must differ (times, the client's own paths);
* ``documented.py``  what ric does differently on purpose, everywhere;
* ``compare.py``     the verdict on a case, ``report.py`` the lines that are printed.
"""
