"""Published packages, each in an environment of its own, in functions that run on ric and on the official client.

``make test-ecosystem`` runs it; ``make test`` leaves it out, for what it installs. Who owns what:

* ``requirements/``    the packages, every version pinned, one file for each environment;
* ``functions/``       the functions, one directory each, written as a user of the package would;
* ``environments.py``  the environments, and the two runtimes that take turns in them;
* ``launch.py``        how the runtime is started, by ``official_bootstrap.py`` in place of ric's entry point;
* ``running.py``       a function's run on both runtimes, and the comparison;
* ``layers.py``        the same in an image, with the packages as a layer in /opt/python;
* ``receivers.py``     what stands in for the service that a package sends to, on loopback.

Rules:
* what ric does is what the official client does: requests, results, error documents, logs, and what the package sends.
  What must differ between any two runs, such as random ids and durations, each test names, as narrowly as it can;
* a test also says what has to have come out, so that two runs in which nothing happens do not pass for equal;
* nothing leaves the machine, and nothing is skipped: without a package there is no result, so the run fails.
"""
