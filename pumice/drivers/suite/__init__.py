"""The conformance suite for drivers, shipped so that a driver's author runs what Pumice runs.

The whole test file of a driver, to be run by pytest::

    from pumice.drivers.suite import DriverSuite


    class TestMyDriver(DriverSuite):
        def make_driver(self, home):
            config = BackendConfig("b", "b", {"my_directory": str(home)}, state_dir=home)
            return MyDriver.from_settings(config, RealFiles())

The other hooks of :class:`DriverSuite` let it look deeper. It needs pytest only to be found and
run: each ``test_`` method takes an empty directory and raises AssertionError, naming the rule, when
the driver breaks one.
"""

from pumice.drivers.suite.driver_suite import DriverSuite

__all__ = ["DriverSuite"]
