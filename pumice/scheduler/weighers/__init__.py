"""The weighers that come with Pumice; packages add theirs to ``pumice.scheduler.weighers``."""
