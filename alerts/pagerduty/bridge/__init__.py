"""The bridge at work: a store on disk, a port for Alertmanager, threads that call PagerDuty."""
