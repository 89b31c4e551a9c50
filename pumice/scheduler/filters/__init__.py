"""The filters that come with Pumice; packages add theirs to ``pumice.scheduler.filters``."""
